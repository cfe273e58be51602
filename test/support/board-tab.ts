import type { BrowserContext, Page } from 'playwright-core';
import { record, type PageRecord } from './chromium.js';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const patience = 100_000;

/** What a browser logs about a network that is cut. */
const networkComplaint = /net::ERR_|^WebSocket connection to|^Failed to load resource/;

/** What a page of the board shows. */
export interface Shown {
  readonly status: string;
  /** The users, in alphabetical order. */
  readonly present: string[];
  /** `text at x`, in alphabetical order. */
  readonly notes: string[];
  /** Whether a note is ahead of the server. */
  readonly isMoving: boolean;
  /** What was said, the newest first. */
  readonly feed: string[];
  readonly hasOlder: boolean;
  /** What is said and not stored yet. */
  readonly sending: string[];
  /** The status of the export. */
  readonly run: string | undefined;
  readonly file: string | undefined;
  /** `topic id` of each event that a handler got. */
  readonly activity: string[];
}

/** What the script uses of an element of a page. */
interface PageElement {
  readonly textContent: string;
  readonly dataset: Readonly<Record<string, string>>;
  readonly style: { readonly left: string };
  readonly firstChild: { readonly textContent: string };
  click(): void;
}

/** What the script uses of a page: tests have no types of a browser. */
export interface PageDocument {
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
}

declare const window: { readBoard(): Shown };
declare const document: PageDocument;

/** Runs in the page. */
function readBoard(): Shown {
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  const text = (selector: string) => document.querySelector(selector)?.textContent.trim();
  const note = ({ firstChild, style }: PageElement) =>
    `${firstChild.textContent.trim()} at ${parseFloat(style.left)}`;
  return {
    status: text('#status') ?? '',
    present: all('#present li')
      .map(({ dataset }) => dataset.user!)
      .sort(),
    notes: all('#notes li').map(note).sort(),
    isMoving: all('#notes .sending').length > 0,
    feed: all('#feed li span').map(({ textContent }) => textContent.trim()),
    hasOlder: all('#older').length > 0,
    sending: all('#sending li span').map(({ textContent }) => textContent.trim()),
    run: text('#run'),
    file: document.querySelector('#file')?.textContent,
    activity: all('#activity li').map(({ dataset }) => `${dataset.topic} ${dataset.id}`),
  };
}

/** A tab that shows the board, in whichever framework. */
export class BoardTab {
  private constructor(
    readonly page: Page,
    readonly record: PageRecord,
  ) {}

  static async open(context: BrowserContext, url: string): Promise<BoardTab> {
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    await page.addInitScript(`window.readBoard = ${String(readBoard)}`);
    const tab = new BoardTab(page, record(page));
    await page.goto(url);
    await tab.until({ status: 'live' });
    return tab;
  }

  shown(): Promise<Shown> {
    return this.page.evaluate(() => window.readBoard());
  }

  /** Resolves once it shows all of this. */
  async until(expected: Partial<Shown>): Promise<void> {
    const wanted = Object.entries(expected).map(([key, value]) => [key, JSON.stringify(value)]);
    try {
      await this.page.waitForFunction((wanted) => {
        const shown = window.readBoard() as unknown as Record<string, unknown>;
        return wanted.every(([key, value]) => JSON.stringify(shown[key!]) === value);
      }, wanted);
    } catch (error) {
      const { errors } = this.record;
      throw new Error(JSON.stringify({ expected, shown: await this.shown(), errors }), { cause: error });
    }
  }

  async pin(text: string): Promise<void> {
    await this.page.fill('#pin input', text);
    await this.page.click('#pin button');
    await this.shows(text);
  }

  /** Resolves once there is such a note. */
  async shows(text: string): Promise<void> {
    await this.page.locator(`button[aria-label="Move: ${text}"]`).waitFor();
  }

  async move(text: string): Promise<void> {
    await this.page.dispatchEvent(`button[aria-label="Move: ${text}"]`, 'click');
  }

  /** By a route: what a cut network loses is asked for again, as a user would. */
  async remove(text: string): Promise<void> {
    const button = this.page.locator(`button[aria-label="Remove: ${text}"]`);
    await button.dispatchEvent('click');
    await button.waitFor({ state: 'detached' });
  }

  async say(text: string): Promise<void> {
    await this.page.fill('#say input', text);
    await this.page.click('#say button');
  }

  async older(): Promise<void> {
    await this.page.dispatchEvent('#older', 'click');
  }

  async startExport(): Promise<void> {
    await this.page.click('#export');
  }

  /** What the page has to answer for: a browser complains itself where the network is cut. */
  complaints(): string[] {
    return this.record.errors.filter((error) => !networkComplaint.test(error));
  }

  /** A handler gets each event once: of a topic without state all, of one with state perhaps the newest alone. */
  async handled(topic: string): Promise<string[]> {
    const ids = (await this.shown()).activity.filter((each) => each.startsWith(topic));
    expect(new Set(ids).size).toBe(ids.length);
    return ids;
  }
}
