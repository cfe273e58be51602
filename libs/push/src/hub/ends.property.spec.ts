import { strict as assert } from 'node:assert';
import { array, assert as check, asyncProperty, constant, constantFrom, oneof, record } from 'fast-check';
import type { GapNotice } from '../contracts/connection.js';
import { endMeta, endOf } from '../contracts/end.js';
import { LogEvent } from '../contracts/event.js';
import { covers, isWildcard } from '../contracts/topic.js';
import { delivered, lineSteps, onLine, ResumingClient } from '../../test/models/resuming-client.js';
import { seed } from '../../test/models/seed.js';
import { MemoryHistory } from '../testing/memory-history.js';
import { NodeLog } from './replay/node-log.js';
import { Hub } from './hub.js';
import type { TopicRule } from './topic-rules.js';

/*
 * What is promised of finite topics: whatever a client is cut off from and wherever it is slow, its events of a topic are a prefix of
 * what was published, but for what a gap says; when the topic has ended they are all of it, and the client is told of the end. Then
 * it reads the topic no more. Clients do what an EventSource does: they keep the last id that they saw, and resume from it.
 */

const rules: TopicRule[] = [{ pattern: 'r.*', finite: true, retention: { events: 5 } }];
const topics = ['r.1', 'r.2', 'r.3', 'n'];
const wants = [['r.1'], ['r.1', 'r.2'], ['r.*'], ['r.3', 'n'], ['r.*', 'r.2'], ['r.2']];

/** So long that events are read in several pieces. */
const padding = 'x'.repeat(30_000);

class World {
  readonly nodeLog: NodeLog;
  readonly hub: Hub;
  readonly history: MemoryHistory;
  readonly clients: Client[];
  /** How many events each topic has had. */
  readonly counts = new Map<string, number>();
  /** The reasons of those that have ended. */
  readonly ended = new Map<string, string>();
  failure: unknown;
  private sequence = 0;

  /** @param isBacked whether a history has what the window has no room for */
  constructor(private readonly isBacked: boolean) {
    this.nodeLog = new NodeLog({
      rules,
      retention: { events: 100, age: Infinity },
      windowBytes: isBacked ? 150_000 : 1e9,
      emptyTopics: 10,
    });
    this.hub = new Hub(this.nodeLog);
    this.history = new MemoryHistory((topic) => this.nodeLog.rules.of(topic));
    if (isBacked) this.nodeLog.readOlderFrom({ page: (query) => this.history.page(query) });
    this.hub.open({ epoch: 'log', sequence: 0 });
    this.clients = wants.map((patterns) => new Client(this, patterns));
  }

  publish(topic: string): void {
    if (this.ended.has(topic)) return;
    const number = (this.counts.get(topic) ?? 0) + 1;
    this.counts.set(topic, number);
    this.deliver(topic, JSON.stringify([number, padding]));
  }

  end(topic: string, data: 'event' | 'none' | 'result'): void {
    if (this.ended.has(topic) || topic === 'n') return;
    const reason = `of-${data}`;
    this.ended.set(topic, reason);
    const number = (this.counts.get(topic) ?? 0) + (data === 'event' ? 1 : 0);
    this.counts.set(topic, number);
    this.deliver(topic, JSON.stringify([number, 'last']), endMeta({ reason, data }));
  }

  /** The node could not follow the log for a while: it knows no more than the backplane has. */
  skip(): void {
    if (this.isBacked) this.hub.skip(this.sequence);
  }

  private deliver(topic: string, data: string, meta?: LogEvent['meta']): void {
    const event = new LogEvent('log', ++this.sequence, { topic, data, meta });
    this.history.add(event);
    this.hub.deliver(event);
  }

  async settle(): Promise<void> {
    await delivered(this.nodeLog);
    if (this.failure) throw this.failure;
  }

  async finish(): Promise<void> {
    for (const client of this.clients) client.drain(Infinity);
    for (let turns = 0; turns < 3 || this.hub.stats().lagging > 0; turns++) {
      assert(turns < 1_000, 'somebody never catches up');
      await this.settle();
    }
    for (let turns = 0; this.clients.some((client) => !client.isTold); turns++) {
      assert(turns < 1_000, 'somebody is never told of an end');
      await this.settle();
    }
    for (const client of this.clients) client.compare();
    for (const client of this.clients) client.leave();
  }
}

/** An event stream: it ends when all of its topics have, and its client does not come back then. */
class Client extends ResumingClient {
  /** The newest event of each topic, and where it was told that others are missing. */
  private readonly reached = new Map<string, number>();
  private readonly missing = new Set<string>();
  /** What this connection was told. */
  private told = new Map<string, string>();
  private isOver = false;

  constructor(
    private readonly world: World,
    private readonly patterns: string[],
  ) {
    super();
    this.connect();
  }

  /** Whether it is told of all ends, and reads those topics no more. */
  get isTold(): boolean {
    const left = this.cursor?.topics ?? [];
    const isDone = (topic: string) => this.told.has(topic) && !left.includes(topic);
    return this.isOver || this.own.every((topic) => !this.world.ended.has(topic) || isDone(topic));
  }

  override leave(): void {
    super.leave();
    this.cursor = undefined;
  }

  gap({ topics: told, id }: GapNotice): boolean {
    for (const topic of topics) if (told.some((pattern) => covers(pattern, topic))) this.missing.add(topic);
    this.lastId = id;
    return this.wrote();
  }

  ended(over: readonly string[], isLast: boolean): void {
    for (const topic of over)
      if (this.told.get(topic) !== this.world.ended.get(topic))
        this.fail(new Error(`${topic} is over too soon`));
    if (!isLast) return;
    this.isOver = true;
    this.leave();
  }

  fail(error: Error): void {
    this.world.failure ??= error;
  }

  compare(): void {
    for (const [topic, count] of this.world.counts)
      if (this.patterns.some((pattern) => covers(pattern, topic)) && !this.missing.has(topic))
        assert.equal(this.reached.get(topic) ?? 0, count, `${topic} of ${this.patterns.join()}`);
    const isFinal = this.own.every((topic) => this.world.ended.has(topic));
    assert.equal(this.isOver, isFinal && this.patterns.length === this.own.length);
  }

  /** The topics that it reads by their names. */
  private get own(): string[] {
    return this.patterns.filter((pattern) => !isWildcard(pattern));
  }

  protected override connect(): void {
    if (this.isOver) return;
    super.connect();
    this.told = new Map();
    this.cursor = this.world.hub.join(this);
    this.cursor.subscribe(this.patterns, this.lastId ?? 'earliest', (id) => (this.lastId ??= id));
  }

  protected take(event: LogEvent): void {
    const { topic, data, id } = event;
    const end = endOf(event);
    if (this.told.has(topic)) this.fail(new Error(`${topic}: something comes after its end`));
    if (!end || (end.data === 'event' && id !== undefined)) {
      const [number] = JSON.parse(data) as [number];
      const before = this.reached.get(topic) ?? 0;
      if (number !== before + 1 && !(this.missing.has(topic) && number > before))
        this.fail(new Error(`${topic}: ${number} comes after ${before}`));
      this.reached.set(topic, number);
    }
    if (end) this.told.set(topic, end.reason);
    this.lastId = id ?? this.lastId;
  }
}

const topic = constantFrom(...topics);
const steps = oneof(
  { weight: 14, arbitrary: record({ do: constant('publish' as const), topic }) },
  {
    weight: 3,
    arbitrary: record({
      do: constant('end' as const),
      topic,
      data: constantFrom('event' as const, 'none' as const, 'result' as const),
    }),
  },
  { weight: 4, arbitrary: record({ do: constant('turn' as const) }) },
  { weight: 15, arbitrary: lineSteps(wants.length, 5) },
  { weight: 1, arbitrary: record({ do: constant('skip' as const) }) },
);

it.each([
  ['a window alone', false],
  ['a small window and a history', true],
])(
  'With %s, every reader of finite topics has all of them up to their ends, and is told, whatever is cut, slow or forgotten',
  async (_, isBacked) => {
    await check(
      asyncProperty(array(steps, { maxLength: 80, size: 'max' }), async (script) => {
        const world = new World(isBacked);
        for (const step of script) {
          if (step.do === 'turn') await world.settle();
          else if (step.do === 'publish') world.publish(step.topic);
          else if (step.do === 'end') world.end(step.topic, step.data);
          else if (step.do === 'skip') world.skip();
          else onLine(world.clients, step);
        }
        await world.finish();
      }),
      { numRuns: 300, seed },
    );
  },
  180_000,
);
