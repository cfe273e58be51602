import type { Page as ChromiumPage } from 'playwright-core';
import type { Page as FirefoxPage } from 'puppeteer-core';
import { hearing, type Kind } from './hearing.js';
import { WebSocket, type ClientOptions } from 'ws';
import { afterTest } from './cleanup.js';
import { programPath, start, type Child } from './processes.js';
import { eventually } from './watched.js';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const timeout = 120_000;

/** A client, of whatever make, which keeps the text of each event as it was decoded. */
export interface Hearer {
  readonly name: string;
  readonly isWebSocket: boolean;
  /** Connects, and waits for nothing. */
  open(url: string): Promise<unknown>;
  /** What was agreed on: the value of `Content-Encoding` or `Sec-WebSocket-Extensions`; `undefined` if the client cannot tell. */
  encoding(): Promise<string | undefined>;
  /** Resolves with the events, once there are `count`. */
  heard(count: number): Promise<string[]>;
}

/** The clients of a page, in whichever browser. */
export async function hearersOf(
  browser: string,
  page: ChromiumPage | FirefoxPage,
  kinds: readonly Kind[] = ['EventSource', 'fetch', 'WebSocket'],
): Promise<Hearer[]> {
  const run = (code: string) => (page.evaluate as (code: string) => Promise<unknown>).call(page, code);
  const until = async (condition: string): Promise<void> => {
    if ('waitForSelector' in page && 'context' in page)
      await (page as ChromiumPage).waitForFunction(condition, undefined, { timeout });
    else await page.waitForFunction(condition, { timeout });
  };
  await run(`
    window.reported = {};
    window.report = (kind, text) => void (reported[kind] ??= []).push(text);
    ${hearing}`);
  const reports = async (kind: string, count: number) => {
    await until(`(reported['${kind}'] ?? []).length >= ${count}`);
    return (await run(`reported['${kind}'] ?? []`)) as string[];
  };
  return kinds.map((kind) => ({
    name: `${kind} of ${browser}`,
    isWebSocket: kind === 'WebSocket',
    open: (url) => run(`void hearing.${kind}('${url}')`),
    encoding: async () => (kind === 'EventSource' ? undefined : (await reports(`${kind} encoding`, 1))[0]),
    heard: (count) => reports(kind, count),
  }));
}

/** A client in a process of its own, which prints lines of JSON: the kind and the text of what it reports. */
function hearerIn(name: string, kind: Kind, run: (url: string) => Child): Hearer {
  let child: Child;
  const reports = async (wanted: string, count: number): Promise<string[]> => {
    let texts: string[] = [];
    await child.until(() => {
      if (child.exit) throw new Error(`${name} has ended:\n${child.output.slice(-2_000)}`);
      const lines = child.output
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('["'));
      const all = lines.map((line) => JSON.parse(line) as [kind: string, text: string]);
      texts = all.filter(([own]) => own === wanted).map(([, text]) => text);
      return texts.length >= count;
    });
    return texts;
  };
  return {
    name,
    isWebSocket: kind === 'WebSocket',
    open: (url) => Promise.resolve((child = run(url))),
    encoding: async () => (await reports(`${kind} encoding`, 1))[0],
    heard: (count) => reports(kind, count),
  };
}

/** What undici is in this Node, which has it built in. Its WebSocket needs the flag in Node 20. */
export function nodeHearers(): Hearer[] {
  const kinds: Kind[] = ['fetch', 'WebSocket'];
  return kinds.map((kind) =>
    hearerIn(`${kind} of Node`, kind, (url) => {
      const code = `globalThis.report = (...said) => console.log(JSON.stringify(said)); ${hearing}; hearing.${kind}('${url}')`;
      const env = { ...process.env, NODE_OPTIONS: '' };
      return start(process.execPath, ['--no-warnings', '--experimental-websocket', '-e', code], { env });
    }),
  );
}

/** The package websockets of Python, as Debian ships it. */
export function pythonHearer(): Hearer {
  return hearerIn('websockets of Python', 'WebSocket', (url) =>
    start(programPath('python3'), ['test/support/websockets-client.py', url.replace('http', 'ws')]),
  );
}

/** `ws`, in this process. */
export function wsHearer(options: ClientOptions = {}): Hearer {
  let socket: WebSocket;
  const texts: string[] = [];
  const ask = (ref: string) =>
    socket.send(`{"event":"subscribe","data":{"topics":["news.a"],"ref":"${ref}"}}`);
  return {
    name: `ws with ${JSON.stringify(options)}`,
    isWebSocket: true,
    open(url) {
      socket = new WebSocket(url.replace('http', 'ws'), options);
      afterTest(() => socket.terminate());
      socket.on('open', () => ask('first'));
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (!text.startsWith('{"event":"message"')) return;
        texts.push(text);
        if (texts.length % 3 === 0) ask('again');
      });
      return Promise.resolve();
    },
    encoding: () => Promise.resolve(socket.extensions),
    heard: async (count) => {
      await eventually(() => texts.length >= count);
      return texts;
    },
  };
}
