import type { ConnectOptions, GapNotice, PositionStorage, PushClient, PushEvent } from 'nestjs-push-client';
import type { BrowserContext, Page } from 'playwright-core';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const patience = 120_000;

/** What is read from a page. */
interface Seen {
  readonly status: string;
  readonly transport: string | undefined;
  readonly statuses: string[];
  readonly handled: { topic: string; id: string | undefined; data: unknown }[];
  readonly gaps: string[];
  readonly errors: string[];
}

/** What the page keeps. */
interface ClientWindow {
  connect(url: string, options: ConnectOptions): PushClient;
  push: PushClient;
  readonly sessionStorage: PositionStorage;
  stops: Record<string, () => void>;
  seen: { statuses: string[]; handled: unknown[]; gaps: string[]; errors: string[] };
}

declare const window: ClientWindow;

/** Options that can be sent to a page. */
export type PlainOptions = Pick<ConnectOptions, 'transports' | 'upgradeAfter' | 'timeout' | 'maxRetryDelay'>;

/** A tab of a browser that has a client. */
export class Tab {
  private constructor(readonly page: Page) {}

  /** @param storage keeps positions in `sessionStorage` */
  static async open(
    context: BrowserContext,
    url: string,
    options: PlainOptions = {},
    storage = false,
  ): Promise<Tab> {
    const tab = new Tab(await context.newPage());
    tab.page.setDefaultTimeout(patience);
    await tab.page.goto(url);
    await tab.connect(options, storage);
    return tab;
  }

  /** Resolves once the client is live. */
  async untilLive(): Promise<void> {
    await this.page.waitForFunction(() => window.push.status === 'live');
  }

  async connect(options: PlainOptions = {}, storage = false): Promise<void> {
    await this.page.waitForFunction(() => 'connect' in window);
    await this.page.evaluate(
      ({ options, storage }) => {
        const seen: ClientWindow['seen'] = { statuses: [], handled: [], gaps: [], errors: [] };
        window.seen = seen;
        window.stops = {};
        window.push = window.connect('/push', {
          maxRetryDelay: 200,
          onError: (error) => seen.errors.push(String(error)),
          ...options,
          ...(storage && { storage: window.sessionStorage }),
        });
        window.push.onStatus(({ status, transport, error }) => {
          seen.statuses.push(error ? `${status} ${error.code}` : (transport ?? status));
        });
        window.push.onGap(({ reason, topics }: GapNotice) => seen.gaps.push(`${reason} ${topics.join(' ')}`));
      },
      { options, storage },
    );
  }

  /** Resolves once nothing of `pattern` is missed any more. */
  async read(pattern: string): Promise<void> {
    await this.page.evaluate((pattern) => {
      const stop = window.push.on(pattern, (data, { topic, id }: PushEvent) => {
        window.seen.handled.push({ topic, id, data });
      });
      window.stops[pattern] = stop;
      return stop.live;
    }, pattern);
  }

  stop(pattern: string): Promise<void> {
    return this.page.evaluate((pattern) => window.stops[pattern]!(), pattern);
  }

  publish(topic: string, data: unknown): Promise<string | undefined> {
    return this.page.evaluate(({ topic, data }) => window.push.publish(topic, data), { topic, data });
  }

  seen(): Promise<Seen> {
    return this.page.evaluate(() => {
      const { status, transport } = window.push;
      return { status, transport, ...window.seen } as never;
    });
  }

  /** The data of what it has handled, once that is so much. */
  async handled(count: number): Promise<unknown[]> {
    await this.page.waitForFunction((count) => window.seen.handled.length >= count, count);
    return (await this.seen()).handled.map(({ data }) => data);
  }

  async untilStatus(status: string): Promise<void> {
    await this.page.waitForFunction(
      (status) => window.push.status === status || window.push.transport === status,
      status,
    );
  }

  /** As the browser does with a page in the background. */
  async lifecycle(state: 'frozen' | 'active'): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    await session.send('Page.setWebLifecycleState', { state });
    await session.detach();
  }

  /** Its process is gone at once. */
  async crash(): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const crashed = new Promise((resolve) => this.page.once('crash', resolve));
    void session.send('Page.crash').catch(() => undefined);
    await crashed;
  }
}
