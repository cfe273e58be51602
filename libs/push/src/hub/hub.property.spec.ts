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
  option,
  record,
  type Arbitrary,
} from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import type { Connection, GapNotice } from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import { LogEvent, type Batch } from '../contracts/event.js';
import { parsePosition } from '../contracts/position.js';
import { isNamedStart, newestOf } from '../contracts/start.js';
import { covers } from '../contracts/topic.js';
import { Interest } from '../../test/models/model-interest.js';
import { Log, rules, SlowHistory, topics, type Keeping } from '../../test/models/model-log.js';
import { seed } from '../../test/models/seed.js';
import type { Cursor } from './replay/cursor.js';
import { NodeLog } from './replay/node-log.js';
import { Hub } from './hub.js';

/*
 * The promise, against a plain model of it. Clients subscribe, lose and regain room, drop and resume, while events are
 * published and evicted. What must hold, for each subscription ("interest") of each client:
 *
 * - order: its events come in log order, none twice. Between the begin and the live of a subscription everything is of
 *   that subscription alone; else everything is of all that are live.
 * - no hole: every event after its start was delivered for it, or was delivered before for a subscription that was live
 *   when it began, or is covered by a gap notice.
 * - `subscribed` and `live` name what was not taken back.
 * - told in time: a notice covers what its pattern had lost when it was sent, as far as it came before anything newer of
 *   the same topic. What is still retained is not covered by anything.
 * - never a false notice: each has an event that is lost, is not delivered before or after, and was not lost already when
 *   the one before was sent.
 * - ids: who drops at any moment and resumes from the last id it saw misses nothing and gets nothing twice.
 *
 * "last" wants the newest event as of its turn, of each topic, and everything from there on; "last:n" the newest n; "start"
 * everything, as if it resumed from before the first event; "earliest" wants what is retained when its turn begins.
 *
 * Behind a small window there may be a history, which answers late and out of step with what is published, evicts events
 * of its own accord, and has those that the node missed. An event is lost when neither has it, or when the rules drop it.
 */

const patterns = [...topics, 'a.*', 'b.*', '*.1', '>', 'd.>'];

/** What a client asked for in one message. */
interface Request {
  patterns: string[];
  readonly start: string;
  readonly repeat: boolean;
  /** What it must be told first. */
  readonly bad: string | undefined;
}

/** A request that has begun and is not live. */
interface Turn {
  readonly request: Request;
  interests: Interest[];
  /** What came last: where this request is resumed. */
  id: string;
  /** Events that would be repeated. */
  repeated: ReadonlySet<LogEvent>;
}

class World {
  readonly hub: Hub;
  readonly nodeLog: NodeLog;
  /** The log as it is. */
  log!: Log;
  /** The one that the node has been told of. */
  shown!: Log;
  readonly clients: readonly Client[];
  readonly history: SlowHistory | undefined;
  private epochs = 0;
  /** What went wrong where nobody waits: the hub calls from a turn of its own. */
  failure: unknown;

  constructor(private readonly keeping: Keeping) {
    const retention = { events: 1_000, age: Infinity };
    const onHistoryError = (error: unknown) => (this.failure ??= error);
    this.nodeLog = new NodeLog({ rules, retention, ...keeping, onHistoryError });
    this.hub = new Hub(this.nodeLog);
    this.replace();
    if (keeping.isLate) {
      this.nodeLog.verifyAgainst(() =>
        Promise.resolve({ epoch: this.log.epoch, sequence: this.log.events.length }),
      );
    }
    if (this.log.history) {
      this.history = new SlowHistory(this.log.history);
      this.nodeLog.readOlderFrom(this.history);
    }
    this.clients = [new Client(this), new Client(this), new Client(this)];
  }

  /** Another log takes the place of the one that there is, if any. */
  replace(): void {
    const isStalled = this.log?.isStalled ?? false;
    this.log = new Log(`log${++this.epochs}`, this.hub, this.nodeLog, this.keeping);
    if (this.history) this.history.now = this.log.history!;
    if (isStalled) this.log.stall();
    else this.show();
  }

  /** The node comes to where the log is. */
  follow(): void {
    if (this.shown !== this.log) this.show();
    this.log.follow();
  }

  private show(): void {
    this.shown = this.log;
    this.log.open();
  }

  async settle(): Promise<void> {
    do await turn();
    while (this.nodeLog.fanOut.delivered < this.nodeLog.window.head);
    if (this.failure) throw this.failure;
  }

  private get isReading(): boolean {
    return this.history?.isAsked || this.hub.stats().lagging > 0 || (this.nodeLog.unverified?.size ?? 0) > 0;
  }

  /** Everyone reads until the end: then everything must have been delivered, or explained. */
  async finish(): Promise<void> {
    this.follow();
    for (const client of this.clients) client.recover();
    for (const client of this.clients) client.drain(Infinity);
    await this.settle();
    // So much may be left to read that it takes turns.
    for (let turns = 0; this.isReading && turns < 10_000; turns++) {
      this.history?.answer(true);
      await this.settle();
      for (const client of this.clients) client.recover();
    }
    for (const client of this.clients) client.finish();
    for (const client of this.clients) client.leave();
    const { connections, subscriptions, audiences, lagging } = this.hub.stats();
    assert.deepEqual([connections, subscriptions, audiences, lagging], [0, 0, 0, 0]);
  }
}

let connections = 0;

/** A client that follows the protocol: it keeps the ids it sees, and resumes from them. */
class Client {
  private connection!: Session;
  private readonly ids = new Set<string>();

  constructor(private readonly world: World) {
    this.connect();
  }

  get id(): string {
    return this.connection.id;
  }

  subscribe(patterns: string[], start: string, repeat: boolean): void {
    this.connection.subscribe(patterns, start, repeat);
    this.recover();
  }

  unsubscribe(patterns: string[]): void {
    this.connection.unsubscribe(patterns);
    this.recover();
  }

  fill(room: number): void {
    this.connection.room = room;
  }

  drain(room: number): void {
    this.connection.drain(room);
    this.recover();
  }

  heartbeat(): void {
    this.connection.heartbeat();
  }

  /** The line is cut. */
  drop(): void {
    const old = this.connection;
    old.leave();
    this.connect();
    for (const { patterns, start, repeat } of old.resumption((event) => this.isOwn(event))) {
      this.connection.subscribe(patterns, start, repeat);
    }
  }

  /** The server has ended the connection: it comes back. */
  recover(): void {
    if (this.connection.error) this.drop();
  }

  finish(): void {
    this.recover();
    this.connection.finish((event) => this.isOwn(event));
  }

  leave(): void {
    this.connection.leave();
  }

  private connect(): void {
    this.connection = new Session(this.world);
    this.ids.add(this.connection.id);
  }

  private isOwn(event: LogEvent): boolean {
    return event.except !== undefined && this.ids.has(event.except);
  }
}

/** One connection, and what must be true of what it is sent. */
class Session implements Connection {
  readonly id = `connection${++connections}`;
  room = Infinity;
  error: PushError | undefined;
  private readonly cursor: Cursor;
  private readonly seen = new Set<LogEvent>();
  private live: Interest[] = [];
  private liveId: string;
  private waiting: Request[] = [];
  private turn: Turn | undefined;
  /** Which topics are not being taken back in this moment. */
  private stays: (pattern: string) => boolean = () => true;

  constructor(private readonly world: World) {
    this.cursor = world.hub.join(this);
    this.liveId = this.cursor.position!;
  }

  subscribe(patterns: string[], start: string, repeat: boolean): void {
    const request: Request = { patterns: [...new Set(patterns)], start, repeat, bad: this.problemOf(start) };
    this.waiting.push(request);
    const isTheirs = (own: readonly string[]) => assert.deepEqual(own, request.patterns.filter(this.stays));
    const before = (id: string, own: readonly string[]) =>
      this.check(() => {
        isTheirs(own);
        this.begin(request, id);
      });
    const onLive = (id: string, own: readonly string[]) =>
      this.check(() => {
        isTheirs(own);
        this.arrive(id);
      });
    this.cursor.subscribe(patterns, start, before, { repeat, onLive });
  }

  unsubscribe(patterns: string[]): void {
    const stays = (pattern: string) => !patterns.includes(pattern);
    this.stays = stays;
    // What came for a topic that is taken back may come again for another one that is having its turn.
    if (this.turn) this.turn.repeated = this.pastOf(this.live.filter(({ pattern }) => stays(pattern)));
    this.cursor.unsubscribe(patterns);
    this.stays = () => true;
    this.live = this.live.filter(({ pattern }) => stays(pattern));
    if (this.turn) this.turn.interests = this.turn.interests.filter(({ pattern }) => stays(pattern));
    const requests = this.turn ? [this.turn.request, ...this.waiting] : this.waiting;
    for (const request of requests) request.patterns = request.patterns.filter(stays);
  }

  drain(room: number): void {
    this.room = room;
    this.cursor.drained();
  }

  heartbeat(): void {
    // With no topics yet, it is where those begin that were asked for first.
    if (this.room > 0 && (this.turn || this.live.length > 0)) this.see(this.cursor.position!);
  }

  leave(): void {
    this.cursor.leave();
  }

  write(batch: Batch): boolean {
    this.check(() => {
      assert(batch.events.length > 0, 'never nothing');
      for (const event of batch.events) this.take(this.world.shown.published(event));
    });
    return --this.room > 0;
  }

  gap(notice: GapNotice): boolean {
    this.check(() => this.learn(notice));
    return --this.room > 0;
  }

  private check(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.world.failure ??= error;
    }
  }

  private learn({ reason, topics, id }: GapNotice): void {
    const interests = (this.turn?.interests ?? this.live).filter(({ pattern }) => this.stays(pattern));
    for (const topic of topics)
      assert(
        interests.some(({ pattern }) => pattern === topic),
        `${topic} is none of its`,
      );
    if (reason === 'epoch' && !this.turn) this.restart(topics);
    else {
      if (this.turn?.request.bad && interests.every(({ told }) => told.length === 0)) {
        assert.equal(reason, this.turn.request.bad);
        assert.deepEqual(
          topics,
          interests.map(({ pattern }) => pattern),
        );
      }
      for (const topic of topics) this.tell(topic, reason, interests);
    }
    this.see(id);
  }

  /** One pattern may have been asked for more than once: it must be news for one of these subscriptions. */
  private tell(topic: string, reason: string, interests: readonly Interest[]): void {
    const told = interests.filter(({ pattern }) => pattern === topic);
    const isNews = this.turn?.request.bad === reason || told.some((interest) => interest.hasNews());
    assert(isNews || !this.world.log.isExact, `${topic} was told "${reason}" though it had lost nothing new`);
    for (const interest of told) interest.tell(reason, reason === 'slow' && topic === 'b.1');
  }

  fail(error: PushError): void {
    this.error = error;
    if (error.code === 'TOO_SLOW') assert(this.live.some(({ pattern }) => pattern === 'b.2'));
    else assert.equal(error.code, 'UNAVAILABLE');
  }

  /** What a client asks for that comes back. */
  resumption(isOwn: (event: LogEvent) => boolean): Omit<Request, 'bad'>[] {
    if (this.error?.code === 'TOO_SLOW') return [];
    const { turn, liveId } = this;
    this.complete(this.live, liveId, isOwn);
    if (turn) this.complete(turn.interests, turn.id, isOwn);
    const live = { patterns: this.live.map(({ pattern }) => pattern), start: liveId, repeat: false };
    const begun = turn && {
      patterns: turn.interests.map(({ pattern }) => pattern),
      start: turn.id,
      repeat: true,
    };
    return [live, ...(begun ? [begun] : []), ...this.waiting].filter(({ patterns }) => patterns.length > 0);
  }

  finish(isOwn: (event: LogEvent) => boolean): void {
    assert.deepEqual([this.turn, this.waiting], [undefined, []], 'all are live');
    assert.equal(this.cursor.isLive, this.live.length > 0);
    this.see(this.cursor.position!);
    assert.equal(this.liveId, this.world.hub.position);
    this.complete(this.live, this.liveId, isOwn);
  }

  private complete(interests: readonly Interest[], id: string, isOwn: (event: LogEvent) => boolean): void {
    const { epoch, sequence } = parsePosition(id)!;
    for (const interest of interests) {
      if (interest.log.epoch !== epoch) continue;
      const ahead = interest.events.find((event) => event.sequence > sequence);
      assert.equal(ahead, undefined, `who resumes from ${id} gets ${ahead?.id} twice`);
      interest.complete(sequence, isOwn);
    }
  }

  private problemOf(start: string): string | undefined {
    if (isNamedStart(start)) return undefined;
    const position = parsePosition(start);
    if (!position) return 'malformed';
    const { log, shown, nodeLog } = this.world;
    if (position.epoch === shown.epoch && position.sequence <= nodeLog.window.head) return undefined;
    if (position.epoch !== log.epoch) return 'epoch';
    return position.sequence > log.events.length ? 'future' : undefined;
  }

  private begin(request: Request, id: string): void {
    assert.equal(this.turn, undefined, 'one after the other');
    assert.equal(this.waiting.shift(), request, 'in the order in which they were asked for');
    const { shown: log } = this.world;
    const { sequence } = parsePosition(id)!;
    // What is given up in this very moment does not stand for anything any more.
    const live = this.live.filter(({ pattern }) => this.stays(pattern));
    const had = new Set(live.flatMap(({ brought }) => brought));
    const repeated = this.pastOf(live);
    const interests = request.patterns.map((pattern) => {
      const interest = new Interest(log, pattern, sequence);
      const newest = newestOf(request.start);
      if (newest !== undefined) {
        interest.newestThrough = Infinity;
        interest.newestCount = newest;
      }
      interest.isLenient = request.start === 'earliest';
      if (interest.isLenient) interest.exempt = log.lostThrough(pattern);
      if (!request.repeat) {
        interest.had = had;
        interest.hadPast = repeated;
        interest.others = live.map(({ pastNow }) => pastNow);
      }
      return interest;
    });
    this.turn = { request, interests, id, repeated };
  }

  private arrive(id: string): void {
    assert(this.turn);
    const { request, interests } = this.turn;
    if (request.bad && interests.length > 0)
      assert(
        interests.every(({ pattern, told }) => told.length > 0 || !this.stays(pattern)),
        'was told',
      );
    const { sequence } = parsePosition(id)!;
    for (const interest of interests) interest.arrive(sequence);
    this.turn = undefined;
    this.live.push(...interests);
    this.see(id);
  }

  private take(event: LogEvent): void {
    assert.notEqual(event.except, this.id, 'not to who is excepted');
    const interests = (this.turn?.interests ?? this.live).filter(
      (interest) => interest.wants(event) || event.sequence === 0,
    );
    assert(
      interests.some(({ pattern }) => covers(pattern, event.topic)),
      `nobody wants ${event.id} of ${event.topic}`,
    );
    if (event.sequence === 0) {
      assert(!this.seen.has(event) && !this.turn, 'ephemeral events come once, to who is live');
      this.seen.add(event);
      return;
    }
    if (this.turn && !this.turn.request.repeat) {
      assert(!this.turn.repeated.has(event), `${event.id} was delivered before`);
    }
    for (const interest of this.turn?.interests ?? this.live) interest.settle();
    for (const interest of interests) interest.take(event);
    this.see(event.id!);
  }

  private pastOf(interests: readonly Interest[]): ReadonlySet<LogEvent> {
    return new Set(interests.flatMap(({ past }) => past));
  }

  private restart(topics: readonly string[]): void {
    assert.deepEqual([...topics].sort(), [...new Set(this.live.map(({ pattern }) => pattern))].sort());
    assert(
      this.live.every(({ log }) => log !== this.world.shown),
      'once',
    );
    this.live = topics.map((pattern) => new Interest(this.world.shown, pattern, 0));
    for (const interest of this.live) interest.tell('epoch', false);
  }

  private see(id: string): void {
    const position = parsePosition(id);
    assert(position, `${id} is no id`);
    const old = parsePosition(this.turn?.id ?? this.liveId)!;
    if (old.epoch === position.epoch) assert(position.sequence >= old.sequence, `${id} goes back`);
    if (this.turn) this.turn.id = id;
    else this.liveId = id;
  }
}

const client = nat(2);
const starts = oneof(
  constantFrom('now', 'last', 'last:2', 'last:3', 'earliest', 'start'),
  record({ ago: nat(40) }),
  constantFrom('garbage', 'elsewhere-3', 'future'),
);
const steps = oneof(
  {
    weight: 10,
    arbitrary: record({
      do: constant('publish' as const),
      topic: constantFrom(...topics),
      except: option(client, { freq: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: record({ do: constant('burst' as const), topic: constantFrom(...topics), count: nat(20) }),
  },
  { weight: 2, arbitrary: record({ do: constant('pass' as const), topic: constantFrom(...topics) }) },
  { weight: 4, arbitrary: record({ do: constant('turn' as const) }) },
  {
    weight: 5,
    arbitrary: record({
      do: constant('subscribe' as const),
      client,
      patterns: array(constantFrom(...patterns), { minLength: 1, maxLength: 3 }),
      start: starts,
      repeat: boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: record({ do: constant('unsubscribe' as const), client, pattern: constantFrom(...patterns) }),
  },
  { weight: 3, arbitrary: record({ do: constant('fill' as const), client, room: nat(2) }) },
  {
    weight: 3,
    arbitrary: record({ do: constant('drain' as const), client, room: constantFrom(1, 2, Infinity) }),
  },
  { weight: 2, arbitrary: record({ do: constant('drop' as const), client }) },
  { weight: 2, arbitrary: record({ do: constant('heartbeat' as const), client }) },
  { weight: 1, arbitrary: record({ do: constant('replace' as const) }) },
);
/** What may happen where the node may be late. */
const lateSteps = oneof(
  { weight: 34, arbitrary: steps },
  { weight: 3, arbitrary: record({ do: constant('stall' as const) }) },
  { weight: 2, arbitrary: record({ do: constant('follow' as const) }) },
);
/** What may happen where there is a history. */
const laterSteps = oneof(
  { weight: 34, arbitrary: steps },
  { weight: 6, arbitrary: record({ do: constant('answer' as const), isFresh: boolean() }) },
  { weight: 4, arbitrary: record({ do: constant('evict' as const), topic: constantFrom(...topics) }) },
  {
    weight: 2,
    arbitrary: record({ do: constant('miss' as const), topic: constantFrom(...topics), count: nat(3) }),
  },
);
type StepOf<A> = A extends Arbitrary<infer T> ? T : never;
type Step = StepOf<typeof laterSteps> | StepOf<typeof lateSteps>;

function startOf(start: string | { ago: number }, { log }: World): string {
  if (start === 'future') return `${log.epoch}-${log.events.length + 1_000}`;
  if (typeof start === 'string') return start;
  return `${log.epoch}-${Math.max(0, log.events.length - start.ago)}`;
}

async function run(world: World, step: Step): Promise<void> {
  const { clients } = world;
  switch (step.do) {
    case 'publish':
      return world.log.publish(step.topic, step.except === null ? undefined : clients[step.except]!.id);
    case 'burst':
      for (let n = 0; n < step.count; n++) world.log.publish(step.topic, undefined);
      return;
    case 'pass':
      return world.hub.deliverEphemeral(new LogEvent(world.log.epoch, 0, { topic: step.topic, data: '0' }));
    case 'turn':
      await world.settle();
      return clients.forEach((client) => client.recover());
    case 'subscribe':
      return clients[step.client]!.subscribe(step.patterns, startOf(step.start, world), step.repeat);
    case 'unsubscribe':
      return clients[step.client]!.unsubscribe([step.pattern]);
    case 'fill':
      return clients[step.client]!.fill(step.room);
    case 'drain':
      return clients[step.client]!.drain(step.room);
    case 'drop':
      return clients[step.client]!.drop();
    case 'heartbeat':
      return clients[step.client]!.heartbeat();
    case 'answer':
      world.history!.answer(step.isFresh);
      return world.settle();
    case 'evict':
      return world.log.evict(step.topic);
    case 'miss':
      world.log.miss(step.topic, step.count);
      return clients.forEach((client) => client.recover());
    case 'stall':
      return world.log.stall();
    case 'follow':
      world.follow();
      return clients.forEach((client) => client.recover());
    case 'replace':
      world.replace();
      return clients.forEach((client) => client.recover());
  }
}

/** Two events, and their topics, fit in. */
const tinyWindow = 90_000;

describe('Whatever happens', () => {
  it.each<[string, Keeping]>([
    ['exactly', { windowBytes: Infinity, emptyTopics: 1_000 }],
    // Then topics that are forgotten make it careful: it may tell of a loss that was another topic's.
    ['rather too often, with little memory', { windowBytes: 340_000, emptyTopics: 1 }],
    [
      'exactly, by a node that others are ahead of',
      { windowBytes: Infinity, emptyTopics: 1_000, isLate: true },
    ],
    ['exactly, with a history', { windowBytes: tinyWindow, emptyTopics: 1_000, history: 'faithful' }],
    [
      'rather too often, with a history that is ahead',
      { windowBytes: tinyWindow, emptyTopics: 1_000, history: 'careless' },
    ],
  ])(
    'everyone gets every event once, in order, or is told %s',
    async (_, keeping) => {
      const all: Arbitrary<Step> = keeping.history ? laterSteps : keeping.isLate ? lateSteps : steps;
      await check(
        asyncProperty(array(all, { maxLength: 80, size: 'max' }), async (steps) => {
          const world = new World(keeping);
          for (const step of steps) await run(world, step);
          await world.finish();
        }),
        { numRuns: 500, seed },
      );
    },
    60_000,
  );

  it('who begins with "earliest" is told nothing of what was gone by then, though the backplane is asked only later', async () => {
    const world = new World({ windowBytes: tinyWindow, emptyTopics: 1_000, history: 'faithful' });
    const script: Step[] = [
      { do: 'fill', client: 0, room: 0 },
      { do: 'subscribe', client: 0, patterns: ['b.*'], start: 'now', repeat: false },
      { do: 'burst', topic: 'b.1', count: 1 },
      { do: 'subscribe', client: 0, patterns: ['d.>'], start: 'earliest', repeat: false },
      { do: 'burst', topic: 'd.1', count: 14 },
      { do: 'burst', topic: 'd.1', count: 2 },
    ];
    for (const step of script) await run(world, step);
    await world.finish();
  });
});
