import { PushModule, Runs, type RunContext } from 'nestjs-push';
import type { ConnectOptions, PushClient, TransportName } from 'nestjs-push-client';
import { runOf, type LiveRun } from 'nestjs-push-client/run';
import { afterTest } from './support/cleanup.js';
import { openClient, topicsRead } from './support/client-app.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually, Watched } from './support/watched.js';

const topics = [
  { pattern: 'runs.short.*', access: 'public' as const, finite: true, retention: { events: 5 } },
  { pattern: 'runs.*', access: 'public' as const, finite: true },
];

function start(): Promise<RunningApp> {
  return startApp('express', { imports: [PushModule.forRoot({ topics })] });
}

/** A run whose changes can be waited for. */
class WatchedRun extends Watched {
  readonly run: LiveRun<string, string>;
  readonly chunks: string[] = [];

  constructor(push: PushClient, topic: string) {
    super();
    this.run = runOf<string>(push, topic);
    this.run.onChunk((chunk) => this.chunks.push(chunk));
    this.run.onChange(() => this.changed());
  }

  is(status: string): Promise<void> {
    return this.until(() => this.run.status === status);
  }
}

describe.each<[TransportName, ConnectOptions]>([
  ['websocket', { transports: ['websocket'] }],
  ['sse', { transports: ['sse'] }],
])('runOf() over %s', (_transport, transport) => {
  it('has the text from its beginning, and the reason for its end', async () => {
    const app = await start();
    await app.bus.publish('runs.1', 'Once ');
    const push = openClient(app.url('/push'), transport);
    const watched = new WatchedRun(push, 'runs.1');
    expect(watched.run.status).toBe('loading');
    await watched.until(() => watched.run.text === 'Once ' && watched.run.status === 'idle');
    await app.bus.publish('runs.1', 'upon ');
    app.cut();
    await app.bus.publish('runs.1', 'a time');
    await app.bus.end('runs.1', { reason: 'cancelled', result: 'not for those who have the chunks' });
    expect(await watched.run.finished).toMatchObject({ topic: 'runs.1', reason: 'cancelled' });
    await watched.is('cancelled');
    expect([watched.run.text, watched.chunks]).toEqual(['Once upon a time', ['Once ', 'upon ', 'a time']]);
    expect([watched.run.result, watched.run.gap]).toEqual([undefined, undefined]);
    await eventually(() => topicsRead(app).length === 0);
  });

  it('has the result where chunks are gone, if the end carries it', async () => {
    const app = await start();
    const words = Array.from({ length: 20 }, (_, index) => `${index} `);
    for (const name of ['short.1', 'short.2', 'short.3']) {
      for (const word of words) await app.bus.publish(`runs.${name}`, word);
    }
    const push = openClient(app.url('/push'), transport);
    const early = new WatchedRun(push, 'runs.short.1');
    await early.until(() => early.run.text === words.slice(-5).join(''));
    expect(early.run.gap?.reason).toBe('evicted');
    await app.bus.end('runs.short.1', { result: words.join('') });
    await app.bus.end('runs.short.2');
    await app.bus.publish('runs.short.3', 'the last', { end: true });
    const late = new WatchedRun(push, 'runs.short.1');
    const without = new WatchedRun(push, 'runs.short.2');
    const itself = new WatchedRun(push, 'runs.short.3');
    for (const { run } of [early, late, without, itself]) expect((await run.finished).reason).toBe('done');
    for (const { run } of [early, late]) {
      expect([run.text, run.result, run.gap]).toEqual([words.join(''), words.join(''), undefined]);
    }
    expect([without.run.result, without.run.gap?.reason]).toEqual([undefined, 'evicted']);
    expect(words.join('').endsWith(without.run.text)).toBe(true);
    expect([itself.run.result, itself.run.text.endsWith('19 the last')]).toEqual([undefined, true]);
  });

  it('tells how far the run is as long as it runs, also over a cut connection', async () => {
    const app = await start();
    const runs = app.nest.get(Runs);
    const words = new Words();
    const push = openClient(app.url('/push'), transport);
    const early = new WatchedRun(push, 'runs.1');
    await early.is('idle');
    const own = await runs.start<string>('runs.1', (_signal, context) => words.of(context), { id: 'job' });
    await early.is('running');
    words.say('Once ', 0.25, 'Begun');
    await early.until(() => early.run.state?.progress === 0.25 && early.run.text === 'Once ');
    expect(early.run.state).toMatchObject({ id: 'job', message: 'Begun' });
    const late = new WatchedRun(push, 'runs.1');
    await late.until(() => late.run.status === 'running' && late.run.text === 'Once ');
    app.cut();
    words.say('upon a time', 0.5);
    for (const { run, ...each } of [early, late].map(bind)) {
      await each.until(() => run.state?.progress === 0.5 && run.text === 'Once upon a time');
    }
    words.end();
    expect(await own.done).toMatchObject({ reason: 'done' });
    for (const { run } of [early, late]) {
      expect(await run.finished).toMatchObject({ reason: 'done' });
      expect([run.status, run.state, run.text]).toEqual(['done', undefined, 'Once upon a time']);
    }
    await eventually(() => topicsRead(app).length === 0);
  });

  it('tells why it does not go on when another log has come, and shows what runs there', async () => {
    const [first, second] = [await start(), await start()];
    const proxy = await TcpProxy.start(first.port);
    afterTest(() => proxy.dispose());
    const words = new Words();
    await first.nest.get(Runs).start<string>('runs.1', (_signal, context) => words.of(context));
    words.say('of the first', 0.5);
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, transport);
    const { run, until } = bind(new WatchedRun(push, 'runs.1'));
    await until(() => run.status === 'running' && run.text === 'of the first');
    proxy.redirect(second.port);
    await until(() => run.status === 'gone');
    expect([run.gap?.reason, run.text, run.ended]).toEqual(['epoch', 'of the first', undefined]);
    await second.bus.publish('runs.1', 'of the second');
    await second.bus.end('runs.1');
    expect([(await run.finished).reason, run.text]).toEqual(['done', 'of the second']);
    words.end();
  });

  it('begins again when the topic is forgotten', async () => {
    const app = await start();
    await app.bus.publish('runs.1', 'of the first');
    const push = openClient(app.url('/push'), transport);
    const { run, until } = bind(new WatchedRun(push, 'runs.1'));
    await until(() => run.text === 'of the first');
    await app.bus.forget('runs.1');
    await app.bus.publish('runs.1', 'of the next');
    await until(() => run.text === 'of the next');
    expect(run.gap).toBeUndefined();
  });

  it('is not told of anything once it is closed', async () => {
    const app = await start();
    const push = openClient(app.url('/push'), transport);
    const { run, until } = bind(new WatchedRun(push, 'runs.1'));
    await until(() => run.status === 'idle');
    run.close();
    await expect(run.finished).rejects.toMatchObject({ code: 'CLOSED' });
    await eventually(() => topicsRead(app).length === 0);
  });
});

/** Words that a run writes when the test says so. */
class Words extends Watched {
  private readonly words: (() => string | undefined)[] = [];
  private context: RunContext | undefined;

  async *of(context: RunContext): AsyncGenerator<string> {
    this.context = context;
    for (;;) {
      await this.until(() => this.words.length > 0);
      const word = this.words.shift()!();
      if (word === undefined) return;
      yield word;
    }
  }

  say(word: string, fraction: number, message?: string): void {
    this.next(() => {
      this.context!.progress(fraction, message);
      return word;
    });
  }

  end(): void {
    this.next(() => undefined);
  }

  private next(word: () => string | undefined): void {
    this.words.push(word);
    this.changed();
  }
}

function bind(watched: WatchedRun) {
  return { run: watched.run, until: (holds: () => boolean) => watched.until(holds) };
}
