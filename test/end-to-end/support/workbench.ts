// VS Code as a person sees it: commands, the explorer, the debug views, dialogs. Every look waits until the thing is there;
// nothing but the opening of variables is tried twice.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Browser, chromium, type FrameLocator, type Locator, type Page } from 'playwright-core';
import { root } from '../../support/fixture-programs';

const screenshots = path.join(root, 'test/end-to-end/screenshots');
const chromiumArguments = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

/** More than any menu has. */
const MENU_ROWS = 50;
/** Times until a variable that does not appear is an error. */
const OPENED_AT_MOST = 10;

/** Of the window; VS Code follows the scheme. */
export interface Appearance {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
}

export class Workbench {
  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
  ) {}

  /** A new browser that has never seen VS Code, with `folder` opened. */
  static async open(serverUrl: string, folder: string, appearance: Appearance = {}): Promise<Workbench> {
    const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
    const browser = await chromium.launch({ executablePath, headless: true, args: chromiumArguments, timeout: 60_000 });
    const page = await browser.newPage({ viewport: { width: 1440, height: 1100 }, ...appearance });
    page.setDefaultTimeout(30_000);
    const workbench = new Workbench(page, browser);
    await page.goto(`${serverUrl}/?folder=${encodeURIComponent(folder)}`);
    await workbench.explorerRow(/./).first().waitFor({ timeout: 60_000 });
    // Our contributions are read all at once, a moment after the files are shown: the icon stands for menus and gutter, too.
    await workbench.activityBarIcon().waitFor();
    return workbench;
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  /** For people: nothing is compared with it. */
  async screenshot(name: string): Promise<void> {
    fs.mkdirSync(screenshots, { recursive: true });
    await this.page.screenshot({ path: path.join(screenshots, `${name.replaceAll(/[^\w-]+/g, '-')}.png`) });
  }

  /**
   * Runs a command of the palette: the row with exactly this title, never just the first one. Not for a session that may
   * just be stopping: a stop puts the focus into the editor, which closes the palette. Keys do not have that gap.
   */
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

  /** The top frame of the call stack, and the arrow in the editor. */
  async stoppedIn(frame: string): Promise<void> {
    await this.topFrame().filter({ hasText: frame }).waitFor();
    await this.page.locator('.debug-top-stack-frame-line').first().waitFor();
  }

  async stoppedAt(frame: string, line: number): Promise<void> {
    const atLine = this.page.locator('.line-number').getByText(new RegExp(`^${line}(:|$)`));
    await this.topFrame().filter({ hasText: frame }).filter({ has: atLine }).waitFor();
    await this.page.locator('.debug-top-stack-frame-line').first().waitFor();
  }

  private topFrame(): Locator {
    return this.stackRow(/./);
  }

  /** The first frame of this name. */
  stackRow(frame: string | RegExp): Locator {
    const rows = this.page.locator('.debug-call-stack .monaco-list-row', { has: this.page.locator('.stack-frame') });
    return rows.filter({ hasText: frame }).first();
  }

  async startOrContinue(): Promise<void> {
    await this.page.keyboard.press('F5');
  }

  async stepOver(): Promise<void> {
    await this.page.keyboard.press('F10');
  }

  async stopDebugging(): Promise<void> {
    await this.page.keyboard.press('Shift+F5');
    await this.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
    await this.page.locator('.debug-top-stack-frame-line').waitFor({ state: 'detached' });
  }

  variable(name: string | RegExp): Locator {
    return this.page.locator('.debug-variables .monaco-list-row', { hasText: name }).first();
  }

  /**
   * The last of these in the variables, with those that it lies in opened. VS Code closes them again when the reactor moves while it still
   * asks for their members: then they are opened once more.
   */
  async variableIn(...names: (string | RegExp)[]): Promise<Locator> {
    const row = this.variable(names.at(-1)!);
    for (let attempts = 1; ; attempts++) {
      for (const name of names.slice(0, -1)) await this.expand(this.variable(name));
      try {
        await row.waitFor({ timeout: 3000 });
        return row;
      } catch (error) {
        if (attempts === OPENED_AT_MOST) throw error;
      }
    }
  }

  async expand(row: Locator): Promise<void> {
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) !== 'true') await row.locator('.monaco-tl-twistie').click();
  }

  async collapse(row: Locator): Promise<void> {
    if ((await row.getAttribute('aria-expanded')) === 'true') await row.locator('.monaco-tl-twistie').click();
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
    const input = this.page.locator('.quick-input-widget input.input');
    await input.fill(text);
    await input.press('Enter');
  }

  statusBar(text: string): Locator {
    return this.page.locator('.statusbar-item[id*="afterimage.position"]', { hasText: text });
  }

  /** Afterimage's own container; the view of the same events in the debug sidebar is closed at first. */
  async showEvents(): Promise<void> {
    await this.activityBarIcon().click();
  }

  private activityBarIcon(): Locator {
    return this.page.locator('.activitybar .action-label[aria-label="Afterimage"]');
  }

  async showExplorer(): Promise<void> {
    await this.page.keyboard.press('Control+Shift+E');
  }

  async showDebugger(): Promise<void> {
    await this.page.keyboard.press('Control+Shift+D');
  }

  async collapseAllEvents(): Promise<void> {
    await this.page.locator('.sidebar .title-actions .action-label[aria-label="Collapse All"]').click();
  }

  reactorRow(name: string): Locator {
    return this.page.locator(`.sidebar .monaco-list-row[aria-level="1"][aria-label^="${name} "]`);
  }

  eventRow(event: string): Locator {
    return this.page.locator(`.sidebar .monaco-list-row[aria-label^="#${event} "]`);
  }

  anyEventRow(): Locator {
    return this.page.locator('.sidebar .monaco-list-row[aria-label^="#"]');
  }

  /** Of the title of the view in the sidebar that has the mouse, or the focus, or is alone. */
  viewButton(title: string): Locator {
    return this.page.locator(`.sidebar .title-actions .action-label[aria-label="${title}"]`);
  }

  /** What a view says above its rows. */
  sidebarText(text: RegExp): Locator {
    return this.page.locator('.sidebar .message', { hasText: text }).first();
  }

  /** Beside the title of the call stack: why the program stands. */
  stateOf(text: string): Locator {
    return this.page.locator('.sidebar .call-stack-state-message', { hasText: text });
  }

  /** A question, or an event that answers one. */
  answerRow(label: string): Locator {
    return this.page.locator(`.sidebar .monaco-list-row[aria-label^="${label}"]`).first();
  }

  /** The page in Afterimage's part of the panel. */
  async showTimeline(): Promise<FrameLocator> {
    await this.page.locator('.part.panel .action-label[aria-label="Afterimage"]').click();
    return this.page.frameLocator('.webview.ready').frameLocator('#active-frame');
  }

  selected(row: Locator): Locator {
    return row.and(this.page.locator('.monaco-list-row.selected'));
  }

  /** Asking for a text, with these words below. */
  inputBox(words: string): Locator {
    return this.page.locator('.quick-input-widget', { hasText: words });
  }

  hover(text: RegExp): Locator {
    return this.page.locator('.monaco-hover', { hasText: text });
  }

  exception(): Locator {
    return this.page.locator('.exception-widget');
  }

  dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  /** Waits for a dialog, closes it, and returns what it said. */
  async closeDialog(): Promise<string> {
    const text = await this.dialog().locator('.dialog-message-container').innerText();
    await this.page.keyboard.press('Escape');
    await this.dialog().waitFor({ state: 'detached' });
    return text;
  }

  /** Waits for a notification and returns what it says. */
  async notification(text: RegExp): Promise<string> {
    const message = this.page.locator('.notifications-toasts .notification-list-item-message', { hasText: text });
    return (await message.first().innerText()).trim();
  }

  /** With its button; there is one notification. */
  async closeNotification(): Promise<void> {
    await this.page.locator('.notifications-toasts .notification-list-item .monaco-button').click();
    await this.errorNotifications().waitFor({ state: 'detached' });
  }

  errorNotifications(): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item .codicon-error');
  }

  /** With the keys: over the menu there may be the tooltip of the row, and at first it takes the mouse for the tail of the right click. */
  async contextMenu(row: Locator, item: string): Promise<void> {
    await row.click({ button: 'right' });
    const label = `[aria-label="${item}"]`;
    await this.page.locator(`.monaco-menu .action-item ${label}`).waitFor();
    const chosen = this.page.locator(`.monaco-menu .action-item.focused ${label}`);
    for (let rows = 0; rows < MENU_ROWS && (await chosen.count()) === 0; rows++) await this.page.keyboard.press('ArrowDown');
    await chosen.waitFor();
    await this.page.keyboard.press('Enter');
  }
}
