// VS Code as a person sees it: commands, the explorer, the debug views, dialogs. Every look waits until the thing is there;
// nothing is tried twice.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { root } from '../../support/fixture-programs';

const screenshots = path.join(root, 'test/end-to-end/screenshots');
const chromiumArguments = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

export class Workbench {
  private constructor(
    readonly page: Page,
    private readonly context: BrowserContext,
    private readonly profile: string,
  ) {}

  static async start(): Promise<Workbench> {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      headless: true,
      viewport: { width: 1440, height: 900 },
      args: chromiumArguments,
      timeout: 60_000,
    });
    context.setDefaultTimeout(30_000);
    return new Workbench(context.pages()[0] ?? (await context.newPage()), context, profile);
  }

  async stop(): Promise<void> {
    await this.context.close();
    fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async openFolder(serverUrl: string, folder: string): Promise<void> {
    await this.page.goto(`${serverUrl}/?folder=${encodeURIComponent(folder)}`);
    await this.explorerRow(/./).first().waitFor({ timeout: 60_000 });
  }

  /** For people: nothing is compared with it. */
  async screenshot(name: string): Promise<void> {
    fs.mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshots, `${name.replaceAll(/[^\w-]+/g, '-')}.png`) });
  }

  /** Runs a command of the palette: the row with exactly this title, never just the first one. */
  async command(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    await this.page.locator('.quick-input-widget input.input').fill(`>${title}`);
    await this.quickPickRow(title).click();
  }

  /** A row of the open quick pick; its label may be followed by keys or a description. */
  quickPickRow(label: string): Locator {
    return this.page.locator(`.quick-input-list .monaco-list-row:is([aria-label="${label}"], [aria-label^="${label}, "])`).first();
  }

  explorerRow(name: string | RegExp): Locator {
    return this.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name });
  }

  async openFile(name: string): Promise<void> {
    await this.explorerRow(name).dblclick();
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
    await this.page.locator('.editor-instance .view-line').first().waitFor();
  }

  /** The top row of the call stack, and the arrow in the editor, are at this line. */
  async stoppedAt(frame: string, line: number): Promise<void> {
    const top = this.page.locator('.debug-call-stack .monaco-list-row', { has: this.page.locator('.stack-frame') }).first();
    await top
      .filter({ hasText: frame })
      .filter({ hasText: `${line}:` })
      .waitFor();
    await this.page.locator('.debug-top-stack-frame-line').first().waitFor();
  }

  async notDebugging(): Promise<void> {
    await this.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
    await this.page.locator('.debug-top-stack-frame-line').waitFor({ state: 'detached' });
  }

  variable(name: string | RegExp): Locator {
    return this.page.locator('.debug-variables .monaco-list-row', { hasText: name }).first();
  }

  async expand(row: Locator): Promise<void> {
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) !== 'true') await row.locator('.monaco-tl-twistie').click();
  }

  toolbarButton(title: string): Locator {
    return this.page.locator(`.debug-toolbar .action-label[aria-label^="${title}"]`);
  }

  /** Sets or removes a breakpoint with a click in the gutter of the active editor. */
  async toggleBreakpoint(line: number): Promise<void> {
    const number = this.page
      .locator('.editor-group-container.active .margin-view-overlays .line-numbers')
      .getByText(String(line), { exact: true });
    const box = (await number.boundingBox())!;
    const dots = this.page.locator('.editor-group-container.active .glyph-margin-widgets .codicon-debug-breakpoint');
    const wasThere = (await dots.count()) > 0;
    const margin = (await this.page.locator('.editor-group-container.active .margin').first().boundingBox())!;
    await this.page.mouse.click(margin.x + 9, box.y + box.height / 2);
    await dots.first().waitFor({ state: wasThere ? 'detached' : 'visible' });
  }

  /** Types into the input box that is open. */
  async enter(text: string): Promise<void> {
    await this.page.locator('.quick-input-widget input.input').fill(text);
    await this.page.keyboard.press('Enter');
  }

  statusBar(text: string): Locator {
    return this.page.locator('.statusbar-item[id*="afterimage.position"]', { hasText: text });
  }

  /** Afterimage's own container; the view of the same events in the debug sidebar is closed at first. */
  async showEvents(): Promise<void> {
    await this.page.locator('.activitybar .action-label[aria-label="Afterimage"]').click();
  }

  async showDebugger(): Promise<void> {
    await this.command('View: Show Run and Debug');
  }

  eventRow(event: string): Locator {
    return this.page.locator(`.sidebar .monaco-list-row[aria-label^="#${event} "]`);
  }

  exception(): Locator {
    return this.page.locator('.exception-widget');
  }

  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  notification(): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item');
  }
}
