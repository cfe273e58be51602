import { strict as assert } from 'node:assert';
import {
  array,
  assert as check,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  nat,
  oneof,
  record,
} from 'fast-check';
import type { GapNotice } from '../contracts/connection.js';
import { LogEvent } from '../contracts/event.js';
import { parsePosition } from '../contracts/position.js';
import { isRemoval } from '../contracts/state.js';
import { covers } from '../contracts/topic.js';
import { delivered, lineSteps, onLine, ResumingClient } from '../../test/models/resuming-client.js';
import { seed } from '../../test/models/seed.js';
import { MemoryHistory } from '../testing/memory-history.js';
import { NodeLog } from './replay/node-log.js';
import { Hub } from './hub.js';
import type { TopicRule } from './topic-rules.js';

/*
 * What is promised of state topics: the state of every client is the fold of the log, whatever it was cut off from and
 * wherever it was slow. Clients do what an EventSource does: they keep the last id that they saw, and resume from it. Of a
 * topic that is no state topic, everything that is retained comes in order, and nothing comes twice.
 */

const rules: TopicRule[] = [
  { pattern: 's.*', state: true, tombstones: 10 },
  { pattern: 't.*', state: true, tombstones: 1_000 },
  { pattern: 'n', retention: { events: 4 } },
];
const topics = ['s.1', 's.2', 's.3', 't.1', 't.2', 'n'];
const wants = [['s.*'], ['s.1', 't.1'], ['s.*', 'n'], ['n', 't.*', 's.2'], ['s.*', 's.1'], ['t.*']];

/** So long that state is read in several pieces. */
const padding = 'x'.repeat(40_000);

class World {
  readonly nodeLog: NodeLog;
  readonly hub: Hub;
  now = 0;
  /** What is true now. */
  state = new Map<string, string>();
  /** When each removal came that is the newest event of its topic. */
  private tombstones = new Map<string, { readonly sequence: number; readonly at: number }>();
  /** Removals that were dropped. */
  private dropped: { readonly topic: string; readonly sequence: number }[] = [];
  private history: MemoryHistory | undefined;
  readonly clients: Client[];
  failure: unknown;
  private epochs = 0;
  private sequence = 0;
  epoch = '';

  /** @param isBacked whether a history has what the window has no room for */
  constructor(private readonly isBacked: boolean) {
    this.nodeLog = new NodeLog({
      rules,
      retention: { events: 100, age: Infinity },
      windowBytes: isBacked ? 100_000 : 1e9,
      emptyTopics: 2,
      now: () => this.now,
    });
    this.hub = new Hub(this.nodeLog);
    if (isBacked) this.nodeLog.readOlderFrom({ page: (query) => this.history!.page(query) });
    this.replace(false);
    this.clients = wants.map((patterns) => new Client(this, patterns));
  }

  /** @param isFull whether there is state in it before the node follows it */
  replace(isFull: boolean): void {
    this.epoch = `log${++this.epochs}`;
    this.sequence = 0;
    this.state = new Map();
    this.tombstones = new Map();
    this.dropped = [];
    const { rules } = this.nodeLog;
    if (this.isBacked)
      this.history = new MemoryHistory(
        (topic) => rules.of(topic),
        () => this.now,
      );
    if (isFull && this.history) for (const topic of ['s.1', 't.1', 'n']) this.history.add(this.next(topic));
    this.hub.open({ epoch: this.epoch, sequence: this.sequence });
  }

  publish(topic: string): void {
    this.deliver(this.next(topic));
  }

  private next(topic: string): LogEvent {
    const data = JSON.stringify(`${topic} at ${this.sequence + 1} in ${this.epoch} ${padding}`);
    if (topic !== 'n') this.state.set(topic, data);
    this.tombstones.delete(topic);
    return new LogEvent(this.epoch, ++this.sequence, { topic, data });
  }

  remove(topic: string): void {
    if (topic === 'n') return;
    this.state.delete(topic);
    const meta = { removed: true };
    const { epoch } = this;
    const event = new LogEvent(epoch, ++this.sequence, { topic, data: 'null', meta });
    this.deliver(event);
    this.tombstones.set(topic, { sequence: this.sequence, at: this.now });
  }

  private deliver(event: LogEvent): void {
    this.history?.add(event);
    this.hub.deliver(event);
  }

  pass(time: number): void {
    this.now += time;
    this.nodeLog.window.expire();
    for (const [topic, { sequence, at }] of this.tombstones) {
      if (at + (topic.startsWith('s.') ? 10 : 1_000) > this.now) continue;
      this.tombstones.delete(topic);
      this.dropped.push({ topic, sequence });
    }
  }

  /** Whether a client that was at the position of an id has lost a removal. */
  hasDropped(pattern: string, id: string | undefined): boolean {
    const { epoch, sequence } = parsePosition(id ?? '') ?? { epoch: '', sequence: 0 };
    const after = epoch === this.epoch ? sequence : 0;
    return this.dropped.some((each) => covers(pattern, each.topic) && each.sequence > after);
  }

  async settle(): Promise<void> {
    await delivered(this.nodeLog);
    if (this.failure) throw this.failure;
  }

  async finish(): Promise<void> {
    for (const client of this.clients) client.drain(Infinity);
    for (let turns = 0; turns === 0 || this.hub.stats().lagging > 0; turns++) {
      assert(turns < 1_000, 'somebody never catches up');
      await this.settle();
    }
    for (const client of this.clients) client.compare();
    for (const client of this.clients) client.leave();
  }
}

/** A client as PROTOCOL.md has it: it folds what it gets, and comes back with the last id that it saw. */
class Client extends ResumingClient {
  private readonly state = new Map<string, string>();
  /** The newest event of the other topic. */
  private newest = { epoch: '', sequence: 0 };
  /** The log in which it was told that events of the other topic are gone. */
  private told = '';

  constructor(
    private readonly world: World,
    private readonly patterns: string[],
  ) {
    super();
    this.connect();
  }

  gap({ reason, topics: told, id, reset }: GapNotice): boolean {
    for (const topic of told) {
      if (topic === 'n') this.told = this.world.epoch;
      if ((reset ?? false) === ['n', 'x'].includes(topic))
        this.world.failure ??= new Error(`${topic}: reset is ${reset}`);
      if (reset && reason !== 'epoch' && !this.world.hasDropped(topic, this.lastId))
        this.world.failure ??= new Error(`${topic}: was reset for nothing`);
      for (const own of this.state.keys()) if (covers(topic, own)) this.state.delete(own);
    }
    this.lastId = id;
    return this.wrote();
  }

  /** Another log has taken the place of the one that a topic of its own was to catch up in: it comes back. */
  fail(): void {
    this.cursor = undefined;
    setImmediate(() => this.drop());
  }

  /** Asks for a topic of which nothing comes: its `live` says where the client is, as that of any other. */
  more(): void {
    this.cursor?.subscribe(['x'], 'now', undefined, { onLive: (id) => (this.lastId = id) });
  }

  compare(): void {
    const isWanted = (topic: string) => this.patterns.some((pattern) => covers(pattern, topic));
    const wanted = [...this.world.state].filter(([topic]) => isWanted(topic));
    assert.deepEqual([...this.state].sort(), wanted.sort());
  }

  protected override connect(): void {
    super.connect();
    this.cursor = this.world.hub.join(this);
    this.cursor.subscribe(this.patterns, this.lastId ?? 'last', (id) => {
      if (this.lastId === undefined && parsePosition(id)!.sequence > 0) this.lastId = id;
    });
  }

  protected take(event: LogEvent): void {
    const { topic, data, epoch, sequence, id } = event;
    if (topic !== 'n') {
      if (isRemoval(event)) this.state.delete(topic);
      else this.state.set(topic, data);
    } else {
      const isNew = epoch !== this.newest.epoch || sequence > this.newest.sequence;
      if (!isNew || sequence === 0) this.world.failure ??= new Error(`${id} of n came twice, or late`);
      if (this.newest.epoch !== '' && ![this.newest.epoch, this.told].includes(epoch))
        this.world.failure ??= new Error(`${id} of n is of another log, and the client was told nothing`);
      this.newest = { epoch, sequence };
    }
    this.lastId = id ?? this.lastId;
  }
}

const topic = constantFrom(...topics);
const steps = oneof(
  { weight: 12, arbitrary: record({ do: constant('publish' as const), topic }) },
  { weight: 5, arbitrary: record({ do: constant('remove' as const), topic }) },
  { weight: 4, arbitrary: record({ do: constant('turn' as const) }) },
  { weight: 14, arbitrary: lineSteps(wants.length, 4) },
  { weight: 3, arbitrary: record({ do: constant('pass' as const), time: constantFrom(4, 11) }) },
  { weight: 2, arbitrary: record({ do: constant('more' as const), client: nat(wants.length - 1) }) },
  { weight: 1, arbitrary: record({ do: constant('replace' as const), isFull: boolean() }) },
);

it.each([
  ['a window alone', false],
  ['a small window and a history', true],
])(
  'With %s, the state of every client is the fold of the log, whatever is cut, slow, forgotten or replaced',
  async (_, isBacked) => {
    await check(
      asyncProperty(array(steps, { maxLength: 80, size: 'max' }), async (script) => {
        const world = new World(isBacked);
        for (const step of script) {
          if (step.do === 'turn') await world.settle();
          else if (step.do === 'publish') world.publish(step.topic);
          else if (step.do === 'remove') world.remove(step.topic);
          else if (step.do === 'pass') world.pass(step.time);
          else if (step.do === 'replace') world.replace(step.isFull);
          else if (step.do === 'more') world.clients[step.client]!.more();
          else onLine(world.clients, step);
        }
        await world.finish();
      }),
      { numRuns: 300, seed },
    );
  },
  180_000,
);
