import { jest } from '@jest/globals';
import { connect, type PushClient, type PushError, type Stop } from '../../src/index.js';
import { BrowserTabs } from './browser-tabs.js';
import { LogServer } from './log-server.js';
import { Wires } from './wires.js';

/** What is published and read. The server refuses `forbidden`. */
const topics = ['a', 'b'];
const patterns = ['a', 'b', '*', '>', 'forbidden'];

/** How long the tabs may take once nothing happens to them any more, in milliseconds of the fake clock. */
const patience = 60_000;

/** A subscription, and what it has handled. */
export interface TabReader {
  readonly pattern: string;
  readonly from: 'now' | 'earliest';
  readonly ids: string[];
  readonly stop: Stop;
  state: 'waiting' | 'live' | 'over';
}

interface Tab {
  readonly push: PushClient;
  readonly page: EventTarget;
  readonly readers: TabReader[];
}

/** Tabs of one browser that come and go at random. The timers have to be fake. */
export class TabRun {
  private readonly wires: Wires;
  private readonly browser: BrowserTabs;
  readonly server: LogServer;
  private readonly tabs: Tab[] = [];
  /** Every reader that there was. */
  readonly all: TabReader[] = [];
  /** Errors that nothing in the run explains. */
  readonly errors: unknown[] = [];
  private isCalm = false;

  /** @param below returns a random number below its argument */
  constructor(private readonly below: (limit: number) => number) {
    this.wires = new Wires(below);
    this.browser = new BrowserTabs(this.wires);
    this.server = new LogServer(this.wires, () => !this.isCalm && below(20) === 0);
    setInterval(() => this.server.beat(), 1_000);
  }

  /** The readers that have not been stopped or refused. */
  get active(): TabReader[] {
    return this.tabs.flatMap(({ readers }) => readers.filter(({ state }) => state !== 'over'));
  }

  /** The topics that the server has to send, over one connection. */
  get wanted(): string[][] {
    return [[...new Set(this.active.map(({ pattern }) => pattern))].sort()];
  }

  /** Lets things happen. */
  async wild(steps: number): Promise<void> {
    this.open();
    const total = this.acts.reduce((sum, [weight]) => sum + weight, 0);
    for (let step = 0; step < steps; step++) {
      let left = this.below(total);
      this.acts.find(([weight]) => (left -= weight) < 0)![1]();
      await settled();
    }
  }

  /** Lets the tabs do what is left to do, or as much as they can in time. */
  async calm(): Promise<void> {
    this.isCalm = true;
    this.wires.release();
    for (const { page } of this.tabs) page.dispatchEvent(new Event('resume'));
    for (let time = 0; time < patience && !this.isDone; time += 50) {
      while (this.wires.move() || this.server.step()) await settled();
      jest.advanceTimersByTime(50);
      await settled();
    }
  }

  close(): void {
    while (this.tabs.length > 0) this.closeTab();
  }

  private readonly acts: readonly [weight: number, act: () => unknown][] = [
    [60, () => this.wires.move()],
    [40, () => this.server.step()],
    [6, () => this.server.topics.push(topics[this.below(2)]!)],
    [4, () => this.read()],
    [4, () => this.stop()],
    [1, () => this.tabs.length < 5 && this.open()],
    [1, () => this.tabs.length > 2 && this.closeTab()],
    [1, () => this.server.cut(this.below(2) === 0)],
    [1, () => this.wires.hold()],
    [1, () => this.wires.release()],
    [1, () => this.tab.page.dispatchEvent(new Event('freeze'))],
    [2, () => this.tabs.forEach(({ page }) => page.dispatchEvent(new Event('resume')))],
    [10, () => jest.advanceTimersByTime(this.below(20))],
    [1, () => jest.advanceTimersByTime(this.below(4_000))],
    [1, () => jest.setSystemTime(Date.now() - this.below(2_000))],
  ];

  private get tab(): Tab {
    return this.tabs[this.below(this.tabs.length)]!;
  }

  private open(): void {
    const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    for (const [name, value] of Object.entries({ ...this.browser.globals, document: page }))
      Object.defineProperty(globalThis, name, { value, configurable: true });
    const push = connect('/push', {
      webSocket: this.server.WebSocket,
      transports: ['websocket'],
      maxRetryDelay: 50,
      onError: (error) => this.note(error),
    });
    this.tabs.push({ push, page, readers: [] });
  }

  private note(error: unknown): void {
    const { code, retryable } = error as PushError;
    if (!retryable && code !== 'FORBIDDEN') this.errors.push(error);
  }

  private closeTab(): void {
    const [tab] = this.tabs.splice(this.below(this.tabs.length), 1);
    tab!.push.close();
  }

  private read(): void {
    const { push, readers } = this.tab;
    const pattern = patterns[this.below(patterns.length)]!;
    const from = this.below(3) === 0 ? 'earliest' : 'now';
    const ids: string[] = [];
    const stop = push.on(pattern, (_, { id }) => ids.push(id!), { from });
    const reader: TabReader = { pattern, from, ids, stop, state: 'waiting' };
    stop.live.then(
      () => (reader.state = 'live'),
      () => (reader.state = 'over'),
    );
    readers.push(reader);
    this.all.push(reader);
  }

  private stop(): void {
    const { readers } = this.tab;
    const [reader] = readers.splice(this.below(readers.length), 1);
    reader?.stop();
  }

  private get isDone(): boolean {
    const isThere = ({ state, pattern, ids }: TabReader) =>
      state === 'live' && (ids.length === 0 || ids.at(-1) === this.server.ids(pattern).at(-1));
    const { subscriptions } = this.server;
    return this.active.every(isThere) && JSON.stringify(subscriptions) === JSON.stringify(this.wanted);
  }
}

/** Resolves when promises have done what they have to. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
