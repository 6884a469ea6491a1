import type { BrowserContext, Locator, Page } from 'playwright-core';

/** What functions that run in the page may name. */
declare const document: {
  querySelectorAll(selector: string): ArrayLike<{ readonly textContent: string }>;
};

/** One tab of a chat page. */
export class ChatTab {
  readonly page: Page;
  /** What the page's script and the browser complained of. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  static async open(context: BrowserContext, url: string): Promise<ChatTab> {
    const tab = new ChatTab(await context.newPage());
    await tab.page.goto(url);
    await tab.isAt('ready');
    return tab;
  }

  /** Resolves when the page shows this status of `useChat`, or `disconnected`. */
  async isAt(...status: readonly string[]): Promise<void> {
    await this.page.waitForSelector(status.map((each) => `main[data-status="${each}"]`).join(','));
  }

  async ask(question: string): Promise<void> {
    await this.page.getByLabel('Your question').fill(question);
    await this.press('Ask');
  }

  /** What was complained of while the server was away says nothing. */
  forgive(): void {
    this.complaints.length = 0;
  }

  press(name: string): Promise<void> {
    return this.page.getByRole('button', { name, exact: true }).click();
  }

  /** The texts of what is said, questions and answers, without notes. */
  said(): Promise<string[]> {
    return this.page.locator('li p:first-child').allTextContents();
  }

  async lastSaid(): Promise<string> {
    return (await this.said()).at(-1) ?? '';
  }

  get notes(): Locator {
    return this.page.locator('.note');
  }

  /** Resolves when there are so many messages, and the last has more than so many characters. */
  async shows(messages: number, moreThan: number): Promise<void> {
    await this.page.waitForFunction(
      ([messages = 0, moreThan = 0]) => {
        const said = document.querySelectorAll('li p:first-child');
        return said.length === messages && (said[messages - 1]?.textContent.length ?? 0) > moreThan;
      },
      [messages, moreThan],
    );
  }
}
