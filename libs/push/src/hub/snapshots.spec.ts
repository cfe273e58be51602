import { PushError } from '../contracts/errors.js';
import { LogEvent } from '../contracts/event.js';
import { snapshotMeta, type Snapshot, type SnapshotSource } from '../contracts/snapshot.js';
import { MemoryNode, type RecordingClient } from '../../test/models/memory-node.js';

/** Loads when the test says so. */
class Source implements SnapshotSource {
  readonly asked: string[] = [];
  readonly waiting = new Map<string, { since: number; done: (result: Snapshot | PushError) => void }>();

  constructor(private readonly node: MemoryNode) {
    node.hub.loadSnapshotsBy(this);
  }

  canLoad(topic: string): boolean {
    return topic.startsWith('s');
  }

  load(topic: string, _: unknown, __: number, done: (result: Snapshot | PushError) => void): () => void {
    this.asked.push(topic);
    this.waiting.set(topic, { since: this.node.log.window.head, done });
    return () => this.waiting.delete(topic);
  }

  answer(topic: string, data: unknown, at?: number): void {
    const { since, done } = this.waiting.get(topic)!;
    this.waiting.delete(topic);
    const { epoch } = this.node.log;
    const json = JSON.stringify(data);
    const event = new LogEvent(epoch, at ?? since, { topic, data: json, meta: snapshotMeta });
    done({ event, isExact: at !== undefined });
  }

  fail(topic: string): void {
    const { done } = this.waiting.get(topic)!;
    this.waiting.delete(topic);
    done(new PushError('SNAPSHOT_FAILED', 'No.'));
  }
}

function nodeWith(options: ConstructorParameters<typeof MemoryNode>[0] = {}) {
  const node = new MemoryNode({ snapshotInterval: 0, ...options });
  return { node, source: new Source(node) };
}

/** What was written, with ids: `topic=data @sequence`. */
const linesOf = (client: RecordingClient) =>
  client.writes.flatMap((write) =>
    'events' in write
      ? write.events.map(({ topic, data, id }) => `${topic}=${data}${id ? ` @${id.split('-')[1]!}` : ''}`)
      : `gap(${write.topics.join()})${write.snapshot ? ' snapshot' : ''} @${write.id.split('-')[1]!}`,
  );

const tiny = { retention: { events: 2, age: Infinity } };

describe('A start by snapshot', () => {
  it('waits for all of its topics, and hides ids until the last position', async () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    client.cursor.subscribe(['s1', 's2'], 'snapshot');
    node.publish('s1', 1);
    node.publish('s2', 2);
    source.answer('s1', 'one', 0);
    expect(client.cursor.position).toBeUndefined();
    node.publish('s1', 3);
    source.answer('s2', 'two', 2);
    await node.delivered();
    expect(linesOf(client)).toEqual(['s1="one"', 's2="two"', 's1=1', 's1=3 @3']);
    expect(client.cursor.position).toBe(node.id(3));
  });

  it('delays no other topic of the connection, and loses nothing if the window is overrun meanwhile', async () => {
    const { node, source } = nodeWith(tiny);
    const client = node.connect();
    client.cursor.subscribe(['n'], 'now');
    client.cursor.subscribe(['s1'], 'snapshot');
    node.publish('n', 1);
    node.publish('s1', 2, 3, 4);
    await node.delivered();
    expect(linesOf(client)).toEqual(['n=1 @1']);
    source.answer('s1', 'old');
    expect(linesOf(client).slice(1)).toEqual(['s1="old"', 'gap(s1) snapshot @0']);
    source.answer('s1', 'new');
    node.publish('s1', 5);
    await node.delivered();
    expect(linesOf(client).slice(3)).toEqual(['s1="new" @4', 's1=5 @5']);
  });

  it('fails as a whole, without a trace; the others go on', async () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    const failures: string[] = [];
    client.cursor.subscribe(['n'], 'now');
    client.cursor.subscribe(['s1', 's2'], 'snapshot', undefined, {
      onFailed: ({ code }) => failures.push(code),
    });
    source.fail('s1');
    expect(failures).toEqual(['SNAPSHOT_FAILED']);
    expect([client.cursor.topics, source.waiting.size]).toEqual([['n'], 0]);
    node.publish('s1', 1);
    node.publish('n', 2);
    await node.delivered();
    expect(client.story).toEqual(['n=2']);
  });

  it('is given up when its topics are taken back, or its connection leaves', () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    const notes: string[] = [];
    const onStart = (_: string, topics: readonly string[]) => notes.push(topics.join());
    client.cursor.subscribe(['s1', 's2'], 'snapshot', onStart);
    client.cursor.unsubscribe(['s2']);
    expect([...source.waiting.keys()]).toEqual(['s1']);
    client.cursor.unsubscribe(['s1']);
    expect([source.waiting.size, notes]).toEqual([0, ['']]);
    client.cursor.subscribe(['s3'], 'snapshot');
    client.cursor.leave();
    expect(source.waiting.size).toBe(0);
  });

  it('is loaded for a few topics at a time, and for none while the client does not read', () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    const topics = Array.from({ length: 20 }, (_, index) => `s${index}`);
    for (const topic of topics) client.cursor.subscribe([topic], 'snapshot');
    expect(source.waiting.size).toBe(8);
    client.room = 1;
    source.answer('s0', 'x');
    source.answer('s1', 'y');
    expect(client.story).toEqual(['s0="x"']);
    expect(source.asked).toHaveLength(8);
    client.drain();
    expect(client.story).toEqual(['s0="x"', 's1="y"']);
    expect(source.asked).toHaveLength(10);
    while (source.waiting.size > 0) source.answer([...source.waiting.keys()][0]!, 'z');
    expect(client.story).toHaveLength(20);
  });

  it('is refused where the states of its topics are too large together', () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    const failures: PushError[] = [];
    const topics = ['s1', 's2', 's3'];
    client.cursor.subscribe(topics, 'snapshot', undefined, { onFailed: (error) => failures.push(error) });
    source.answer('s1', 'x'.repeat(600_000));
    source.answer('s2', 'x'.repeat(600_000));
    expect(failures).toMatchObject([{ code: 'SNAPSHOT_FAILED', retryable: false }]);
    expect(source.waiting.size).toBe(0);
    client.cursor.subscribe(['s1'], 'snapshot');
    source.answer('s1', 'x'.repeat(2_000_000));
    expect(client.writes).toHaveLength(1);
  });

  it('waits for the log, and begins again in another one', () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    client.cursor.subscribe(['s1'], 'snapshot');
    node.replaceLog();
    expect(source.asked).toEqual(['s1', 's1']);
    source.answer('s1', 'x');
    expect(client.story).toEqual(['s1="x"']);
    node.replaceLog();
    expect(client.gaps).toMatchObject([{ reason: 'epoch', topics: ['s1'], id: 'none-0', snapshot: true }]);
    source.answer('s1', 'y');
    expect(client.story).toEqual(['s1="x"', 'epoch(s1)', 's1="y"']);
  });
});

describe('A gap of a topic that began by a snapshot', () => {
  it('brings a fresh one before anything else; until then the connection keeps its position', async () => {
    const { node, source } = nodeWith(tiny);
    node.publish('n', 1);
    node.publish('s1', 2, 3, 4, 5);
    const client = node.connect();
    client.cursor.subscribe(['s1', 's2'], node.id(1), undefined, { snapshot: true });
    node.publish('s2', 6);
    await node.delivered();
    expect(linesOf(client)).toEqual(['gap(s1) snapshot @1']);
    expect(client.cursor.position).toBeUndefined();
    source.answer('s1', 'fresh');
    node.publish('s1', 7);
    await node.delivered();
    // It knows what was there when it was loaded.
    expect(linesOf(client).slice(1)).toEqual(['s1="fresh"', 's2=6 @6', 's1=7 @7']);
    expect(client.cursor.position).toBe(node.id(7));
  });

  it('goes back to the event that the state is as of', async () => {
    const { node, source } = nodeWith(tiny);
    node.publish('s1', 1, 2, 3, 4);
    const client = node.connect();
    client.cursor.subscribe(['s1'], node.id(0), undefined, { snapshot: true });
    node.publish('s1', 5);
    source.answer('s1', 'three', 3);
    await node.delivered();
    expect(linesOf(client)).toEqual(['gap(s1) snapshot @0', 's1="three" @3', 's1=4 @4', 's1=5 @5']);
  });

  it('takes its topic back if the fresh one fails', async () => {
    const { node, source } = nodeWith(tiny);
    node.publish('s1', 1, 2, 3);
    const client = node.connect();
    const lost: string[] = [];
    Object.assign(client, {
      lost: (topics: string[], { code }: PushError) => lost.push(`${topics.join()} ${code}`),
    });
    client.cursor.subscribe(['n'], 'now');
    client.cursor.subscribe(['s1'], node.id(0), undefined, { snapshot: true });
    source.fail('s1');
    expect([lost, client.cursor.topics]).toEqual([['s1 SNAPSHOT_FAILED'], ['n']]);
    node.publish('n', 4);
    await node.delivered();
    expect(client.story).toEqual(['evicted(s1)', 'n=4']);
  });

  it('is told as any other within the interval, and the snapshot comes when that is over', async () => {
    const { node, source } = nodeWith({ ...tiny, snapshotInterval: 50 });
    node.publish('s1', 1, 2, 3);
    const client = node.connect();
    client.cursor.subscribe(['s1'], node.id(0), undefined, { snapshot: true });
    source.answer('s1', 'fresh');
    client.room = 1;
    node.publish('s1', 4);
    await node.delivered();
    node.publish('s1', 5, 6, 7);
    client.drain();
    await node.delivered();
    expect(client.story).toEqual(['evicted(s1)', 's1="fresh"', 's1=4', 'slow(s1)', 's1=6', 's1=7']);
    expect(client.gaps[1]).not.toHaveProperty('snapshot');
    while (source.waiting.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    node.publish('s1', 8);
    source.answer('s1', 'later');
    await node.delivered();
    expect(linesOf(client).slice(-2)).toEqual(['s1="later" @7', 's1=8 @8']);
  });

  it('loads the states of many topics a few at a time', () => {
    const { node, source } = nodeWith();
    const client = node.connect();
    const topics = Array.from({ length: 20 }, (_, index) => `s${index}`);
    client.cursor.subscribe(topics, 'elsewhere-5', undefined, { snapshot: true });
    expect(client.gaps).toMatchObject([{ topics, snapshot: true }]);
    expect(source.waiting.size).toBe(8);
    for (let answered = 0; answered < 20; answered++) source.answer([...source.waiting.keys()][0]!, answered);
    expect(client.writes).toHaveLength(21);
    expect(source.waiting.size).toBe(0);
    expect(client.cursor.position).toBe(node.id(0));
  });
});
