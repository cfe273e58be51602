import { randomUUID } from 'node:crypto';
import { from, interval, Subject, take } from 'rxjs';
import { refusal } from './support/refusal.js';
import { endless, Gate, RunNode, runLogs, words } from './support/run-nodes.js';
import { openStream } from './support/sse-reader.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

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
