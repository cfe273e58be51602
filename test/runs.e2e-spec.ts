import { PushError, type RunContext } from 'nestjs-push';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { from, interval, Subject, take } from 'rxjs';
import { Gate, RunNode, runLogs } from './support/run-nodes.js';
import { openStream } from './support/sse-reader.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

/** What a promise rejects with. */
async function refusal(promise: Promise<unknown>): Promise<PushError> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (error instanceof PushError) return error;
  throw new Error(`It was not refused: ${String(error)}`);
}

/** Words, as a model brings them. */
async function* words(...all: string[]) {
  for (const word of all) {
    await Promise.resolve();
    yield word;
  }
}

/** Brings a word, and then nothing until it is aborted. */
async function* endless(signal: AbortSignal, onAbort: () => void = () => undefined) {
  yield 'begun ';
  if (!signal.aborted) await once(signal, 'abort');
  onAbort();
}

describe.each(runLogs)('Runs on $name', (log) => {
  beforeAll(() => log.start());
  afterAll(() => log.stop());

  let name = '';
  beforeEach(() => (name = `log-${randomUUID()}`));

  const start = (options = {}) => RunNode.start(log.node(name), options);
  const startTwo = async () => [await start(), await start()] as const;

  it('write their topic and end it, on whichever node it is read', async () => {
    const [one, two] = await startTwo();
    const run = await one.runs.start('runs.1', () => words('Once ', 'upon ', 'a ', 'time.'), { id: 'tale' });
    expect(run).toMatchObject({ topic: 'runs.1', id: 'tale', isOwn: true });
    expect(await run.done).toEqual({ topic: 'runs.1', id: 'tale', reason: 'done' });
    for (const node of [one, two]) {
      const { data, reason } = await node.read('runs.1');
      expect(data.join('')).toBe('Once upon a time.');
      // The first chunk goes at once, and the others are joined.
      expect(data[0]).toBe('Once ');
      expect(data.length).toBeLessThan(4);
      expect(reason).toBe('done');
      expect(await node.runs.status('runs.1')).toEqual({
        state: 'ended',
        topic: 'runs.1',
        id: 'tale',
        reason: 'done',
      });
      await eventually(() => node.runs.running().length === 0);
    }
    expect(one.errors).toEqual([]);
  });

  it('run once: of two starts at once, one attaches, and its factory is not called', async () => {
    const [one, two] = await startTwo();
    const gate = new Gate();
    let calls = 0;
    const factory = async function* () {
      calls++;
      await gate.opened;
      yield 'done once';
    };
    const runs = await Promise.all([one, two, one, two].map(({ runs }) => runs.start('runs.1', factory)));
    gate.open();
    const results = await Promise.all(runs.map(({ done }) => done));
    expect(calls).toBe(1);
    expect(runs.filter(({ isOwn }) => isOwn)).toHaveLength(1);
    expect(new Set(results.map(({ id, reason }) => `${id} ${reason}`)).size).toBe(1);
    expect((await two.read('runs.1')).data).toEqual(['done once']);
  });

  it('are told apart by their ids', async () => {
    const [one, two] = await startTwo();
    const gate = new Gate();
    const never = () => {
      throw new Error('It runs already.');
    };
    const run = await one.runs.start('runs.1', () => gate.opened, { id: 'a' });
    expect(await two.runs.start('runs.1', never, { id: 'a' })).toMatchObject({ id: 'a', isOwn: false });
    expect(await two.runs.start('runs.1', never)).toMatchObject({ id: 'a', isOwn: false });
    expect(await one.runs.start('runs.1', never)).toMatchObject({ id: 'a', isOwn: false });
    for (const { runs } of [one, two])
      expect(await refusal(runs.start('runs.1', never, { id: 'b' }))).toMatchObject({ code: 'CONFLICT' });
    gate.open();
    await run.done;
    for (const { runs } of [one, two]) {
      const attached = await runs.start('runs.1', never, { id: 'a' });
      expect(attached.isOwn).toBe(false);
      expect(await attached.done).toEqual({ topic: 'runs.1', id: 'a', reason: 'done' });
      expect(await (await runs.start('runs.1', never)).done).toMatchObject({ id: 'a' });
      expect(await refusal(runs.start('runs.1', never, { id: 'b' }))).toMatchObject({ code: 'ENDED' });
    }
    await one.bus.end('runs.2');
    expect(await refusal(two.runs.start('runs.2', never))).toMatchObject({ code: 'ENDED' });
    // A topic that was forgotten begins again.
    await two.bus.forget('runs.1');
    const again = await two.runs.start('runs.1', () => words('again'), { id: 'b' });
    expect(await again.done).toMatchObject({ id: 'b', reason: 'done' });
    await eventually(async () => (await one.read('runs.1')).data.join('') === 'again');
  });

  it('are cancelled from any node: their signal is aborted, and nothing follows', async () => {
    const [one, two] = await startTwo();
    const aborted: string[] = [];
    const run = await one.runs.start('runs.1', (signal) =>
      endless(signal, () => aborted.push((signal.reason as Error).name)),
    );
    const reader = await openWs(two.app.url('/push'));
    await reader.subscribe('runs.1', 'earliest');
    await reader.untilData(1);
    expect(await two.runs.cancel('runs.1')).toBe(true);
    expect(await run.done).toMatchObject({ reason: 'cancelled' });
    expect(aborted).toEqual(['AbortError']);
    expect(await reader.next('ended')).toMatchObject({ topic: 'runs.1', reason: 'cancelled' });
    expect(await two.runs.cancel('runs.1')).toBe(false);
    expect(await run.cancel()).toBe(false);
    expect(await two.runs.cancel('runs.2')).toBe(false);
    await eventually(() => two.runs.running().length === 0);
    expect(await two.read('runs.1')).toEqual({ data: ['begun '], reason: 'cancelled' });
    // Nothing has run there, and something can.
    expect(await (await two.runs.start('runs.2', () => words('free'))).done).toMatchObject({
      reason: 'done',
    });
    expect([...one.errors, ...two.errors]).toEqual([]);
  });

  it('say how far they are, the newest for all, and not every time', async () => {
    const [one, two] = await startTwo();
    let say!: RunContext['progress'];
    const gate = new Gate();
    const run = await one.runs.start('runs.1', (_, { progress }) => {
      say = progress;
      return gate.opened;
    });
    const reader = await openWs(two.app.url('/push'));
    await reader.subscribe('$run.runs.1', 'last');
    await reader.untilData(1);
    for (let step = 1; step <= 1_000; step++) say(step / 2_000, `step ${step}`);
    await reader.until(() => (reader.data.at(-1) as { message?: string }).message === 'step 1000');
    expect(reader.data.length).toBeLessThan(5);
    expect(reader.data.at(-1)).toMatchObject({ id: run.id, progress: 0.5 });
    say(7);
    await eventually(() => two.runs.running('runs.*')[0]?.progress === 1);
    expect(await two.runs.status('runs.1')).toMatchObject({ state: 'running', id: run.id, progress: 1 });
    expect(() => say(NaN)).toThrow('a number from 0 to 1');
    gate.open();
    await run.done;
    await reader.until(() => reader.all('removed').length === 1);
  });

  it('end with the whole result, for those who come late', async () => {
    const [one, two] = await startTwo();
    const compact = (chunks: readonly string[]) => ({ text: chunks.join('') });
    const run = await one.runs.start('runs.1', () => words('a', 'b', 'c'), { compact, type: 'answer' });
    await run.done;
    expect((await two.read('runs.1')).data.join('')).toBe('abc');
    expect(await two.read('runs.1', 'last')).toEqual({ data: [{ text: 'abc' }], reason: 'done' });
  });

  it('many at once are each done once', async () => {
    const [one, two] = await startTwo();
    const topics = Array.from({ length: 100 }, (_, index) => `runs.${index}`);
    const runs = await Promise.all(
      topics.map((topic, index) =>
        [one, two][index % 2]!.runs.start(topic, () =>
          words(...Array.from({ length: 20 }, (_, n) => `${n},`)),
        ),
      ),
    );
    const results = await Promise.all(runs.map(({ done }) => done));
    expect(new Set(results.map(({ reason }) => reason))).toEqual(new Set(['done']));
    const text = Array.from({ length: 20 }, (_, n) => `${n},`).join('');
    for (const topic of topics) expect((await two.read(topic)).data.join('')).toBe(text);
    await eventually(() => one.runs.running().length + two.runs.running().length === 0);
    expect([...one.errors, ...two.errors]).toEqual([]);
  });

  it('that still run when their node shuts down end as lost', async () => {
    const [one, two] = await startTwo();
    let isAborted = false;
    const run = await one.runs.start('runs.1', (signal) => endless(signal, () => (isAborted = true)));
    const attached = await two.runs.start('runs.1', () => words());
    await one.app.close();
    expect(await run.done).toMatchObject({ reason: 'lost' });
    expect(await attached.done).toMatchObject({ reason: 'lost' });
    expect(isAborted).toBe(true);
    expect(await two.read('runs.1')).toEqual({ data: ['begun '], reason: 'lost' });
    expect(await refusal(one.runs.start('runs.2', () => words()))).toMatchObject({ code: 'CLOSED' });
    await eventually(() => two.runs.running().length === 0);
  });
});

const [memory] = runLogs;

describe('A run', () => {
  const start = (options = {}) => RunNode.start(memory!.node(randomUUID()), options);

  it('goes on when its reader has left', async () => {
    const node = await start();
    const gate = new Gate();
    const run = await node.runs.start('runs.1', async function* () {
      yield 'before ';
      await gate.opened;
      yield 'after';
    });
    const reader = await openStream(node.app.url('/push/events?topic=runs.1&from=earliest'));
    await reader.until(() => reader.events.length > 0);
    node.app.cut();
    gate.open();
    expect(await run.done).toMatchObject({ reason: 'done' });
    expect((await node.read('runs.1')).data.join('')).toBe('before after');
  });

  it.each<[string, () => never]>([
    ['a ReadableStream', () => ReadableStream.from(['a', 'b']) as never],
    ['a promise of a ReadableStream', () => Promise.resolve(ReadableStream.from(['a', 'b'])) as never],
    ['an Observable', () => from(['a', 'b']) as never],
    ['an Observable that takes its time', () => interval(1).pipe(take(2)) as never],
    ['a promise of an async iterable', () => Promise.resolve(words('a', 'b')) as never],
  ])('takes %s', async (_, factory) => {
    const node = await start();
    const run = await node.runs.start('runs.1', factory, { joinFor: 0 });
    expect(await run.done).toMatchObject({ reason: 'done' });
    const { data } = await node.read('runs.1');
    expect(['ab', '01']).toContain(data.join(''));
    expect(node.errors).toEqual([]);
  });

  it('may write nothing: a job', async () => {
    const node = await start();
    const run = await node.runs.start('runs.1', async (_, { id, topic }) => {
      await node.bus.publish('runs.1', { by: 'the job itself', id, topic });
    });
    expect(await run.done).toMatchObject({ reason: 'done' });
    expect(await node.read('runs.1')).toEqual({
      data: [{ by: 'the job itself', id: run.id, topic: 'runs.1' }],
      reason: 'done',
    });
  });

  it('fails with what is thrown, which is reported, after everything before it', async () => {
    const node = await start();
    const error = new Error('The model is out of words.');
    const run = await node.runs.start('runs.1', async function* () {
      yield* words('a', 'b');
      throw error;
    });
    expect(await run.done).toEqual({ topic: 'runs.1', id: run.id, reason: 'failed', error });
    expect((await node.read('runs.1')).data.join('')).toBe('ab');
    for (const factory of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
      () => 'no source' as never,
      () => words(10n as never),
      () => new Subject<string>().pipe(() => from([Symbol() as never])) as never,
    ]) {
      await node.bus.forget('runs.1');
      expect(await (await node.runs.start('runs.1', factory)).done).toMatchObject({ reason: 'failed' });
      expect((await node.read('runs.1')).reason).toBe('failed');
    }
    expect(node.errors.slice(0, 4)).toEqual([
      'run: The model is out of words.',
      'run: The model is out of words.',
      'run: The model is out of words.',
      expect.stringContaining('run: The factory of a run returns an async iterable'),
    ]);
    expect(node.errors).toHaveLength(6);
  });

  it('fails if its Observable brings more than can wait, and lets go of it', async () => {
    const node = await start();
    const words$ = new Subject<string>();
    const run = await node.runs.start('runs.1', () => words$);
    for (let count = 0; count < 20_000; count++) words$.next('w');
    expect(await run.done).toMatchObject({ reason: 'failed', error: { code: 'LIMIT_EXCEEDED' } });
    expect(words$.observed).toBe(false);
    expect(node.errors).toHaveLength(1);
  });

  it('is ended after its time, whatever its source does, and lets go of that', async () => {
    const node = await start();
    let cancelled: unknown;
    const stuck = new ReadableStream({ cancel: (reason) => void (cancelled = reason ?? 'cancelled') });
    const sources = [
      () => stuck,
      // Its return() never settles: it waits for next().
      async function* () {
        await new Promise(() => undefined);
        yield '';
      },
      () => new Promise<void>(() => undefined),
      () => new Subject<string>(),
    ];
    for (const [index, source] of sources.entries()) {
      const run = await node.runs.start(`runs.${index}`, source as never, { timeout: 20 });
      expect(await run.done).toMatchObject({ reason: 'timeout' });
      expect(await node.read(`runs.${index}`)).toEqual({ data: [], reason: 'timeout' });
    }
    expect(cancelled).toBeDefined();
    expect(node.errors).toEqual([]);
  });

  it('ends without a result that is too large, or that throws, and says so', async () => {
    const node = await start({ maxEventBytes: 1_000 });
    const chunk = 'x'.repeat(400);
    const results: [() => unknown, number][] = [
      [() => 'x'.repeat(2_000), 1],
      [() => 'small', 20],
      [
        () => {
          throw new Error('no result');
        },
        1,
      ],
    ];
    for (const [index, [compact, count]] of results.entries()) {
      const topic = `runs.${index}`;
      const source = () => words(...Array.from({ length: count }, () => chunk));
      const run = await node.runs.start(topic, source, { compact });
      expect(await run.done).toMatchObject({ reason: 'done' });
      const { data, reason } = await node.read(topic);
      expect(data.join('')).toBe(chunk.repeat(count));
      expect(reason).toBe('done');
      expect(await node.read(topic, 'last')).toEqual({ data: [], reason: 'done' });
    }
    expect(node.errors).toHaveLength(3);
  });

  it('is cancelled when its topic is forgotten', async () => {
    const node = await start();
    const run = await node.runs.start('runs.1', (signal) => endless(signal));
    await eventually(async () => (await node.bus.history('runs.1')).events.length === 1);
    await node.bus.forget('runs.1');
    expect(await run.done).toMatchObject({ reason: 'cancelled' });
    expect(await node.read('runs.1')).toEqual({ data: [], reason: 'cancelled' });
  });

  it('is seen by those who may read its topic', async () => {
    const topics = [
      { pattern: 'runs.secret' },
      { pattern: 'runs.*', access: 'public' as const, finite: true },
      { pattern: 'plain.*', access: 'public' as const },
    ];
    const node = await start({ topics });
    const reader = await openWs(node.app.url('/push'));
    const may = async (topic: string) => (await reader.subscribe(topic, 'last')).event === 'subscribed';
    expect(await may('$run.runs.1')).toBe(true);
    for (const topic of ['$run.runs.secret', '$run.runs.*', '$run.plain.1', '$run.>', '$run.other'])
      expect([topic, await may(topic)]).toEqual([topic, false]);
    expect(await refusal(node.runs.start('plain.1', () => words()))).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('finite: true') as string,
    });
    expect(await refusal(node.runs.cancel('plain.1'))).toMatchObject({ code: 'INVALID_OPTION' });
    expect(await refusal(node.runs.status('plain.1'))).toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([
    [{ id: '' }, 'id'],
    [{ id: 'ä' }, 'id'],
    [{ joinFor: -1 }, 'joinFor'],
    [{ lease: 500 }, 'lease'],
    [{ timeout: 0 }, 'timeout'],
    [{ compact: true }, 'compact'],
    [{ timeuot: 1 }, 'timeout'],
  ])('is refused with options that make no sense: %j', async (options, option) => {
    const node = await start();
    const error = await refusal(node.runs.start('runs.1', () => words(), options as never));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toContain(option);
    expect(node.runs.running()).toEqual([]);
  });
});
