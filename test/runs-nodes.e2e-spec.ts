import type { RunContext } from 'nestjs-push';
import { randomUUID } from 'node:crypto';
import { refusal } from './support/refusal.js';
import { endless, Gate, RunNode, runLogs, words } from './support/run-nodes.js';
import { eventually } from './support/watched.js';
import { openWs } from './support/ws-client.js';

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
