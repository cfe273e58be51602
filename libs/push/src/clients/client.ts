import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Session, SessionClient } from '../access/session.js';
import type {
  Connection,
  DisconnectReason,
  GapNotice,
  TransportName,
  WorkBudget,
} from '../contracts/connection.js';
import type { PushError } from '../contracts/errors.js';
import type { Batch } from '../contracts/event.js';
import type { Principal } from '../contracts/principal.js';
import type { Hub } from '../hub/hub.js';
import type { PositionListener, SubscribeOptions } from '../hub/replay/catch-up.js';
import type { Cursor, Start } from '../hub/replay/cursor.js';
import type { Dialect } from '../wire/dialect.js';
import type { ServerMessage } from '../wire/websocket.messages.js';
import { connectionId } from './connection-id.js';
import type { Outlet } from './outlet.js';
import { Stall } from './stall.js';
import type { Beating, TimerWheel } from './timer-wheel.js';

/** Learns what becomes of clients. */
export interface ClientListener {
  /** The client is gone, and nothing that it has said is being handled any more. */
  left(client: Client): void;
  /** The client stays, and gets these topics no more. */
  unsubscribed(client: Client, topics: readonly string[]): void;
}

/**
 * A connected client, whatever carries it. It speaks through its outlet, in its dialect, and reads the log with its cursor.
 *
 * Its life: the Door makes it; `begin` lets it read; `fail`, `drain` or a heartbeat that is not answered ends it from this
 * side; its outlet says when it is gone. What it has said before it went is still handled: until then it counts.
 */
export class Client implements Connection, SessionClient, Beating {
  /** Unique among all connections of the application. */
  readonly id = connectionId();
  /** Why it ended, or would end if it ended now. */
  reason: DisconnectReason = 'client';
  /** Something that it has said is being handled, or waits for that. @internal */
  isBusy = false;
  private dialect: Dialect | undefined;
  private cursor: Cursor | undefined;
  private readonly stall: Stall;
  /** It has had its last word. */
  private hasEnded = false;
  private hasClosed = false;
  private hasLeft = false;
  /** It was to be sent away before it could be told so: milliseconds until it should come back. */
  private delay: number | undefined;

  /** @internal */
  constructor(
    /** @internal */
    readonly session: Session,
    /** @internal */
    readonly outlet: Outlet,
    private readonly hub: Hub,
    private readonly wheel: TimerWheel,
    private readonly listener: ClientListener,
  ) {
    this.stall = new Stall(session.limits.stallTimeout);
    outlet.onClosed(() => this.gone());
  }

  /** The name of what carries it. */
  get transport(): TransportName {
    return this.session.transport;
  }

  /** Whose it is; `undefined` for an anonymous client. */
  get principal(): Principal | undefined {
    return this.session.principal;
  }

  /** @internal */
  get budget(): WorkBudget {
    return this.session.budget;
  }

  /** @internal */
  get socket(): Socket | undefined {
    return this.outlet.socket;
  }

  /** @internal */
  get http2(): Http2Session | undefined {
    return this.outlet.http2;
  }

  /**
   * Names it in all its connections, one after the other. Only clients that speak in messages can say that they come back.
   *
   * @internal
   */
  get clientId(): string | undefined {
    return this.dialect?.message && this.session.clientIdOn(this.id);
  }

  /** What it reads; `undefined` where that is not known: the application's own pipe feeds it. */
  get topics(): readonly string[] | undefined {
    return this.cursor?.topics;
  }

  /** The id up to which it has everything; `undefined` as long as it reads nothing. */
  get position(): string | undefined {
    return !this.cursor || this.cursor.isIdle ? undefined : this.cursor.position;
  }

  /** The id of the newest position in the log; `undefined` as long as the log is not known. */
  get head(): string | undefined {
    return this.hub.position;
  }

  /** Whether its connection is closed. */
  get isGone(): boolean {
    return this.hasClosed;
  }

  /** Whether it has had its last word, or is gone. */
  get isOver(): boolean {
    return this.hasEnded || this.hasClosed;
  }

  /** Says in which dialect it is spoken to. From now on it can be sent away. @internal */
  speak(dialect: Dialect): void {
    this.dialect = dialect;
    if (this.delay !== undefined) setImmediate(() => this.drain(this.delay!));
  }

  /** Ends with its principal from now on. Returns whether it goes on. @internal */
  attach(): boolean {
    this.session.attach(this);
    if (this.isOver) this.stop();
    return !this.isOver;
  }

  /** Is told that it lives, at every heartbeat, and has to show that it does. @internal */
  keepAlive(): void {
    this.wheel.add(this);
  }

  /**
   * It is spoken to in `dialect` from now on: it may read, it gets heartbeats, it can be sent away. Called once, as soon as its
   * outlet may be written to. Returns whether it goes on: it may have been told that it is over, or be gone.
   */
  begin(dialect: Dialect): boolean {
    this.cursor = this.hub.join(this);
    this.outlet.onDrain(this.drained);
    this.speak(dialect);
    if (!this.attach()) return false;
    this.keepAlive();
    return true;
  }

  /**
   * Reads `topics`, which it was granted, from `from` on: `now`, `last`, `earliest`, or an id. It MUST have begun.
   *
   * @param onStart is called with the id of where they start, before anything of them is delivered
   * @throws PushError `LIMIT_EXCEEDED` if too many topics wait for others; never for the first ones of a client
   */
  read(
    topics: readonly string[],
    from: Start,
    onStart?: PositionListener,
    options: SubscribeOptions = {},
  ): void {
    this.cursor!.subscribe(topics, from, onStart, options);
  }

  /** Does not want these topics any more. */
  unsubscribe(topics: readonly string[]): void {
    const own = new Set(this.topics);
    const had = [...new Set(topics)].filter((topic) => own.has(topic));
    this.cursor?.unsubscribe(topics);
    if (had.length > 0) this.listener.unsubscribed(this, had);
  }

  /** @internal */
  write(batch: Batch): boolean {
    return this.say(batch.bytes(this.dialect!.events));
  }

  /** @internal */
  gap(notice: GapNotice): boolean {
    return this.say(this.dialect!.gap(notice));
  }

  /** Sends a message of PROTOCOL.md, in a dialect that has them. Returns whether there is room for more. */
  send(message: ServerMessage): boolean {
    return this.say(this.dialect!.message!(message));
  }

  /** Sends whole blocks of its dialect. Nothing follows its last word. */
  say(bytes: Buffer): boolean {
    return this.isOver || this.outlet.write(bytes);
  }

  /** @internal */
  together(run: () => void): void {
    this.outlet.together(run);
  }

  /** Tells the client why its connection ends, and ends it. Idempotent. */
  fail(error: PushError): void {
    this.finish('error', (dialect) => dialect.error(error), error);
  }

  /** @returns `false` where its dialect has no word for it, so that the connection has to end @internal */
  revoke(topics: readonly string[], isUndecided = false): boolean {
    if (!this.dialect?.revoked) return false;
    this.unsubscribe(topics);
    this.say(this.dialect.revoked(topics, isUndecided));
    return true;
  }

  /** Tells the client to come back in `delay` milliseconds, and ends the connection cleanly. @internal */
  drain(delay: number): void {
    if (this.dialect) return this.finish('drain', (dialect) => dialect.drain(delay));
    this.reason = 'drain';
    this.delay = delay;
  }

  /** Ends the connection at once, whatever is still to be sent. @internal */
  destroy(): void {
    this.outlet.destroy();
  }

  /** It is not let in: nothing is kept for it, although its answer may wait for others on its connection. @internal */
  refuse(reason: DisconnectReason): void {
    this.reason = reason;
    this.gone();
  }

  /**
   * One that does not answer, or takes nothing, is dropped. One that is slow gets no heartbeat, which would only wait.
   *
   * @internal
   */
  beat(): void {
    const { outlet } = this;
    const isThere = outlet.probe?.() ?? true;
    const isStalled = this.cursor !== undefined && this.stall.isTooLong(outlet.isFull);
    if (!isThere || isStalled) this.drop('timeout');
    else if (!outlet.isFull) this.say(this.dialect!.heartbeat(this.position));
  }

  /** Reads nothing any more. Idempotent. @internal */
  stop(): void {
    this.wheel.remove(this);
    this.cursor?.leave();
  }

  /** Nothing of what it has said waits any more. @internal */
  rest(): void {
    this.isBusy = false;
    this.session.rest();
    if (this.hasClosed) this.leave();
  }

  /** Counts no more. Idempotent. @internal */
  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.session.close();
    this.listener.left(this);
  }

  private gone(): void {
    if (this.hasClosed) return;
    this.hasClosed = true;
    this.stop();
    if (!this.isBusy) this.leave();
  }

  private drop(reason: DisconnectReason): void {
    this.hasEnded = true;
    this.reason = reason;
    this.outlet.destroy();
  }

  private finish(reason: DisconnectReason, lastWord: (dialect: Dialect) => Buffer, error?: PushError): void {
    if (this.hasEnded) return;
    this.reason = reason;
    this.say(lastWord(this.dialect!));
    this.hasEnded = true;
    this.outlet.end(error);
    this.stop();
  }

  private readonly drained = (): void => {
    this.stall.end();
    this.cursor?.drained();
  };
}
