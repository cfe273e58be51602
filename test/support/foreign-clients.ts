import type { Browser as Chromium } from 'playwright-core';
import type { Browser as Firefox } from 'puppeteer-core';
import { afterTest } from './cleanup.js';
import type { ForeignPrograms } from './foreign-programs.js';
import { start, type Child } from './processes.js';
import { Watched } from './watched.js';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const patience = 100_000;

/** Where a client connects, and what it wants to read. */
export interface Address {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly topic: string;
  readonly ticket?: string;
}

/** What a client tells: an event, a gap, an end, or why it could not go on. */
export type Saying = [kind: 'event' | 'gap' | 'ended' | 'failed', value: unknown];

/** A client that somebody else has written, and what it has told. */
export class Following extends Watched {
  readonly said: Saying[] = [];
  /** Set where it has a process of its own. */
  child: Child | undefined;

  hear(saying: Saying): void {
    this.said.push(saying);
    this.changed();
  }

  /** The values of what it told, of one kind. */
  all<T>(kind: Saying[0]): T[] {
    return this.said.filter(([own]) => own === kind).map(([, value]) => value as T);
  }

  /** Reads what its process prints, a line of JSON for each. */
  listen(child: Child): void {
    this.child = child;
    let rest = '';
    child.process.stdout!.on('data', (text: Buffer) => {
      const lines = (rest + text.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.hear(JSON.parse(line) as Saying);
    });
    child.process.once('exit', () => this.changed());
  }

  /** Resolves once `holds`; rejects if its process has ended before. */
  override until(holds: () => boolean): Promise<void> {
    return super.until(() => {
      if (holds()) return true;
      if (this.child?.exit) throw new Error(`It has ended:\n${this.child.output.slice(-2_000)}`);
      return false;
    });
  }
}

/** A kind of client. */
export interface ForeignClient {
  readonly name: string;
  /** Begins to follow, and waits for nothing. */
  follow(address: Address): Promise<Following>;
}

/** Where JavaScript runs. */
export type Runtime = 'node' | Chromium | Firefox;

export function sseUrl({ origin, topic, ticket }: Address): string {
  return `${origin}/push/events?topic=${topic}${ticket ? `&ticket=${ticket}` : ''}`;
}

export function webSocketUrl({ origin, ticket }: Address): string {
  return `${origin.replace('http', 'ws')}/push${ticket ? `?ticket=${ticket}` : ''}`;
}

/** What `code` needs: `url`, `topic`, and `told`, which says everything. */
function prelude(url: string, topic: string): string {
  return `
    const url = ${JSON.stringify(url)}, topic = ${JSON.stringify(topic)};
    const kinds = ['event', 'gap', 'ended', 'failed'];
    const told = Object.fromEntries(kinds.map((kind) => [kind, (value = null) => say([kind, value])]));`;
}

async function runInNode(script: string): Promise<Following> {
  const following = new Following();
  const child = start(process.execPath, ['--no-warnings', '-'], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  following.listen(child);
  child.process.stdin!.end(`const say = (said) => console.log(JSON.stringify(said));\n${script}`);
  return Promise.resolve(following);
}

async function runInPage(browser: Chromium | Firefox, origin: string, script: string): Promise<Following> {
  const following = new Following();
  // The connections of a page are counted by its context.
  const page = await browser.newPage();
  afterTest(() => page.close());
  page.setDefaultTimeout(patience);
  await page.goto(`${origin}/`);
  await page.exposeFunction('say', (said: Saying) => following.hear(said));
  await (page.evaluate as (code: string) => Promise<unknown>).call(page, `${script};0`);
  return following;
}

/** A client in JavaScript. @param code uses `url`, `topic` and `told`, and imports what the page has */
export function scripted(
  programs: ForeignPrograms,
  name: string,
  runtime: () => Runtime,
  code: string,
  urlOf: (address: Address) => string = sseUrl,
): ForeignClient {
  return {
    name,
    async follow(address) {
      const where = runtime();
      const contents = `${prelude(urlOf(address), address.topic)}\n${code}`;
      const script = await programs.bundle(contents, where === 'node' ? 'node' : 'browser');
      return where === 'node' ? runInNode(script) : runInPage(where, address.origin, script);
    },
  };
}

/** A client that is a program of its own: its URL, its topic, and more. */
export function program(
  name: string,
  commandOf: () => Promise<[command: string, ...args: string[]]>,
  urlOf: (address: Address) => string,
  ...more: string[]
): ForeignClient {
  return {
    name,
    async follow(address) {
      const [command, ...args] = await commandOf();
      const following = new Following();
      following.listen(start(command, [...args, urlOf(address), address.topic, ...more]));
      return following;
    },
  };
}
