// VS Code as a person sees it: commands, the explorer, the debug views, dialogs. Every look waits until the thing is there;
// nothing is tried twice.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { root } from './code-server';

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

  /** The top frame, as the call stack view shows it. */
  async topFrame(): Promise<string> {
    return (await this.callStackRows().first().innerText()).replaceAll(/\s+/g, ' ');
  }

  callStackRows(): Locator {
    return this.page.locator('.debug-call-stack .monaco-list-row', { has: this.page.locator('.stack-frame') });
  }

  async stoppedIn(frame: string | RegExp): Promise<void> {
    await this.callStackRows().first().filter({ hasText: frame }).waitFor();
    await this.page.locator('.debug-top-stack-frame-line').first().waitFor();
  }

  variable(name: string | RegExp): Locator {
    return this.page.locator('.debug-variables .monaco-list-row', { hasText: name });
  }

  async expand(row: Locator): Promise<void> {
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) !== 'true') await row.locator('.monaco-tl-twistie').click();
  }

  toolbarButton(title: string): Locator {
    return this.page
      .locator('.debug-toolbar, .debug-viewlet-toolbar, .pane-header, .composite.title, .part.sidebar')
      .locator(`[aria-label^="${title}"]`)
      .first();
  }

  statusBar(): Locator {
    return this.page.locator('.statusbar-item[id*="afterimage.position"]');
  }

  eventRow(text: string | RegExp): Locator {
    return this.page.locator('.pane-body .monaco-list-row', { hasText: text });
  }

  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  notification(): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item');
  }
}
