import { strict as assert } from 'node:assert';
import type { Connection, GapNotice } from '../../src/contracts/connection.js';
import type { PushError } from '../../src/contracts/errors.js';
import type { Batch, LogEvent } from '../../src/contracts/event.js';
import { parsePosition } from '../../src/contracts/position.js';
import { isNamedStart, newestOf } from '../../src/contracts/start.js';
import { covers } from '../../src/contracts/topic.js';
import type { Cursor } from '../../src/hub/replay/cursor.js';
import { Interest } from './model-interest.js';
import type { ModelNode } from './model-node.js';

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

let connections = 0;

/** One connection, and what must be true of what it is sent. */
export class Session implements Connection {
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

  constructor(private readonly node: ModelNode) {
    this.cursor = node.hub.join(this);
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
    const { position } = this.cursor;
    // With no topics yet, it is where those begin that were asked for first.
    if (this.room === 0 || (!this.turn && this.live.length === 0)) return;
    if (position === undefined) assert(this.isUntold, 'it has a position');
    else this.see(position);
  }

  leave(): void {
    this.cursor.leave();
  }

  write(batch: Batch): boolean {
    this.check(() => {
      assert(batch.events.length > 0, 'never nothing');
      for (const event of batch.events) this.take(this.node.shown.published(event));
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
      this.node.failure ??= error;
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
    assert(isNews || !this.node.log.isExact, `${topic} was told "${reason}" though it had lost nothing new`);
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
    assert.equal(this.liveId, this.node.hub.position);
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
    const { log, shown, nodeLog } = this.node;
    if (position.epoch === shown.epoch && position.sequence <= nodeLog.window.head) return undefined;
    if (position.epoch !== log.epoch) return 'epoch';
    return position.sequence > log.events.length ? 'future' : undefined;
  }

  private begin(request: Request, id: string): void {
    assert.equal(this.turn, undefined, 'one after the other');
    assert.equal(this.waiting.shift(), request, 'in the order in which they were asked for');
    const { shown: log } = this.node;
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
    this.see(id);
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

  /** Whether it has to be told of a gap before anything else. */
  private get isUntold(): boolean {
    const { turn, live, node } = this;
    if (!turn) return live.some(({ log }) => log !== node.shown);
    const isUntold = ({ pattern, told }: Interest) => told.length === 0 && this.stays(pattern);
    return turn.request.bad !== undefined && turn.interests.some(isUntold);
  }

  private pastOf(interests: readonly Interest[]): ReadonlySet<LogEvent> {
    return new Set(interests.flatMap(({ past }) => past));
  }

  private restart(topics: readonly string[]): void {
    assert.deepEqual([...topics].sort(), [...new Set(this.live.map(({ pattern }) => pattern))].sort());
    assert(
      this.live.every(({ log }) => log !== this.node.shown),
      'once',
    );
    this.live = topics.map((pattern) => new Interest(this.node.shown, pattern, 0));
    for (const interest of this.live) interest.tell('epoch', false);
  }

  private see(id: string): void {
    const position = parsePosition(id);
    assert(position, `${id} is no id`);
    const old = parsePosition(this.turn?.id ?? this.liveId)!;
    if (old.epoch === position.epoch) assert(position.sequence >= old.sequence, `${id} goes back`);
    const isOfThisLog = position.epoch === this.node.shown.epoch;
    assert(!isOfThisLog || !this.isUntold, `who resumes from ${id} is not told of a gap`);
    if (this.turn) this.turn.id = id;
    else this.liveId = id;
  }
}
