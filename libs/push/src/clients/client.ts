import type { Session, SessionClient } from '../access/session.js';
import type { Connection, DisconnectReason, GapNotice, TransportName } from '../contracts/connection.js';
import type { PushError, PushErrorCode } from '../contracts/errors.js';
import type { Batch } from '../contracts/event.js';
import type { Principal } from '../contracts/principal.js';
import type { TransportCounts } from '../hub/counts.js';
import type { Hub } from '../hub/hub.js';
import type { PositionListener } from '../hub/replay/catch-up.js';
import type { Cursor } from '../hub/replay/cursor.js';
import type { Start } from '../protocol/topics.js';
import type { Dialect } from '../wire/dialect.js';
import type { ServerMessage } from '../wire/websocket.messages.js';
import type { ClientListener, Presentation, ReadOptions } from './client-listener.js';
import { connectionId } from './connection-id.js';
import type { Outlet } from './outlet.js';
import { sendOn } from './sending-on.js';
import { Stall } from './stall.js';
import type { HeartbeatTarget, TimerWheel } from './timer-wheel.js';

/**
 * A connected client, on any transport. It writes to its outlet, in its dialect, and reads the log with its cursor.
 *
 * The Door makes it, and `begin` lets it read. `fail`, `drain` or a missed heartbeat ends it from this side; its outlet says
 * when the connection is closed. Messages that it sent before are still handled, and it counts as connected until then.
 */
export class Client implements Connection, SessionClient, HeartbeatTarget {
  /** Unique among all connections of the application. */
  readonly id = connectionId();
  /** Why the connection ended; while it is open, why it would end if it ended now. */
  reason: DisconnectReason = 'client';
  /** The code of the error that has ended it. @internal */
  endedBy: PushErrorCode | undefined;
  /** Whether a message from the client is being handled or waits for that. @internal */
  isBusy = false;
  private dialect: Dialect | undefined;
  /** Where it is in the log; `undefined` as long as it reads nothing. Only this client changes it. @internal */
  cursor: Cursor | undefined;
  private readonly stall: Stall;
  private readonly counts: TransportCounts;
  /** When it last got an event with an id, by the clock of the wheel. */
  private heardAt = 0;
  /** The final message was sent. */
  private hasEnded = false;
  private hasClosed = false;
  private hasLeft = false;
  /** Set by a `drain` that came before the dialect was known: milliseconds until the client should come back. */
  private drainDelay: number | undefined;

  constructor(
    /** @internal */ readonly session: Session,
    /** @internal */ readonly outlet: Outlet,
    private readonly hub: Hub,
    private readonly wheel: TimerWheel,
    private readonly listener: ClientListener<Client>,
  ) {
    this.counts = hub.counts.of(session.transport);
    this.stall = new Stall(session.limits.stallTimeout);
    outlet.onClosed(() => this.closed());
  }

  /** The name of its transport. */
  get transport(): TransportName {
    return this.session.transport;
  }

  /** Its principal; `undefined` for an anonymous client. */
  get principal(): Principal | undefined {
    return this.session.principal;
  }

  /** @internal */
  get budget(): Session['budget'] {
    return this.session.budget;
  }

  /** The same for all its connections, one after the other. Only the message protocol has it. @internal */
  get clientId(): string | undefined {
    return this.dialect?.message && this.session.clientIdOn(this.id);
  }

  /** What it reads; `undefined` if that is not known, because the application's own pipe feeds it. */
  get topics(): readonly string[] | undefined {
    return this.cursor?.topics;
  }

  /** The id up to which it has all events; `undefined` as long as it reads nothing. */
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

  /** Whether its final message was sent, or its connection is closed. Nothing more is written then. */
  get isOver(): boolean {
    return this.hasEnded || this.hasClosed;
  }

  /** Sets its dialect. From now on the client can be told to come back. @internal */
  useDialect(dialect: Dialect): void {
    this.dialect = dialect;
    if (this.drainDelay !== undefined) setImmediate(() => this.drain(this.drainDelay!));
  }

  /** Lets the session end this client from now on. Returns `false` if the client is over already. @internal */
  attach(): boolean {
    this.session.attach(this);
    // The request of a WebSocket is over.
    if (this.transport !== 'websocket') this.hub.tracer?.streamBegins();
    if (this.isOver) this.stop();
    return !this.isOver;
  }

  /** Starts the heartbeats. @internal */
  keepAlive(): void {
    this.wheel.add(this);
  }

  /** Lets the client read, get heartbeats and be told to come back, in `dialect`, as soon as its outlet may be written to. Returns `false` if it is over already. */
  begin(dialect: Dialect): boolean {
    this.cursor = this.hub.join(this);
    this.outlet.onDrain(() => {
      this.stall.clear();
      this.cursor?.drained();
    });
    this.useDialect(dialect);
    if (!this.attach()) return false;
    this.keepAlive();
    return true;
  }

  /**
   * Reads `topics`, which the client was granted, from `from` on. Call it after `begin`.
   *
   * @param onStart is called with the id of where they start, before anything of them is delivered
   * @throws PushError `LIMIT_EXCEEDED` if too many topics wait for others; never for the first ones of a client
   */
  read(
    topics: readonly string[],
    from: Start,
    onStart?: PositionListener,
    { presence = true, ...options }: ReadOptions = {},
  ): void {
    // Where the snapshots cannot be loaded, it reads nothing.
    const isLater = from === 'snapshot';
    const started: PositionListener = (id, own) => {
      onStart?.(id, own);
      if (isLater) this.present(own, presence);
    };
    this.cursor!.subscribe(topics, from, started, options);
    if (!isLater) this.present(topics, presence);
  }

  /** From now on it is present in these topics, whoever reads them for it. @internal */
  present(topics: readonly string[], presence: boolean | Presentation): void {
    if (presence && !this.hasLeft) this.listener.subscribed(this, topics, presence === true ? {} : presence);
  }

  /** Stops reading these topics. Topics that it does not read are ignored. */
  unsubscribe(topics: readonly string[]): void {
    const own = new Set(this.topics);
    const had = [...new Set(topics)].filter((topic) => own.has(topic));
    this.cursor?.unsubscribe(topics);
    if (had.length > 0) this.listener.unsubscribed(this, had);
  }

  /** @internal */
  write(batch: Batch, isShared = false): boolean {
    if (this.isOver) return true;
    if (batch.last > 0) this.heardAt = this.wheel.time;
    const { outlet, dialect } = this;
    const bytes = outlet.takesText ? batch.bytesOrText(dialect!.events) : batch.bytes(dialect!.events);
    return outlet.write(this.counts.delivered(batch, bytes), batch, isShared ? this.cursor : undefined);
  }

  /** @internal */
  gap(notice: GapNotice): boolean {
    return this.say(this.dialect!.gap(notice));
  }

  /** Sends a message of PROTOCOL.md. The dialect MUST have messages. Returns whether there is room for more. */
  send(message: ServerMessage): boolean {
    return this.say(this.dialect!.message!(message));
  }

  /** Sends whole blocks of its dialect. Nothing is written after the final message. */
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

  /** @returns `false` if its dialect has no such message: the connection has to end then @internal */
  revoke(topics: readonly string[], isUndecided = false): boolean {
    if (!this.dialect?.revoked) return false;
    this.unsubscribe(topics);
    this.say(this.dialect.revoked(topics, isUndecided));
    return true;
  }

  /** @internal */
  lost(topics: readonly string[], error: PushError): void {
    if (!this.dialect?.revoked) return this.fail(error);
    this.say(Buffer.concat([this.dialect.error(error), this.dialect.revoked(topics, true)]));
    this.listener.unsubscribed(this, topics);
  }

  /** @internal */
  ended(topics: readonly string[], isLast: boolean): void {
    // What it has asked for once more, it goes on reading.
    const own = new Set(this.topics);
    const left = topics.filter((topic) => !own.has(topic));
    if (left.length > 0) this.listener.unsubscribed(this, left);
    if (isLast && this.dialect!.ended) this.finish('end', this.dialect!.ended);
  }

  /** Tells the client to come back in `delay` milliseconds, and ends the connection cleanly. @internal */
  drain(delay: number, reason: DisconnectReason = 'drain'): void {
    if (this.dialect) return this.finish(reason, (dialect) => dialect.drain(delay));
    this.reason = reason;
    this.drainDelay = delay;
  }

  /** Ends the connection at once. What is still unsent is lost. @internal */
  destroy(): void {
    this.outlet.destroy();
  }

  /** Refuses the client, and releases all that it holds. Its answer may still wait for others on its connection. @internal */
  refuse(reason: DisconnectReason): void {
    this.reason = reason;
    this.closed();
  }

  /** Ends a client that is dead or reads nothing. Another gets a sign of life, unless an event was one just now. Returns whether an old one was sent on. @internal */
  heartbeat(isOld = false): boolean {
    const isAlive = this.outlet.probe?.() ?? true;
    const isStalled = this.cursor !== undefined && this.stall.hasTimedOut(this.outlet.isFull);
    if (!isAlive || isStalled) {
      this.hasEnded = true;
      this.reason = 'timeout';
      this.outlet.destroy();
    } else if (!this.outlet.isFull && (this.dialect!.countsHeartbeats || !this.wheel.isRecent(this.heardAt)))
      this.say(this.dialect!.heartbeat(this.position));
    return isOld && sendOn(this, this.cursor, this.dialect!);
  }

  /** Stops reading and the heartbeats. Idempotent. @internal */
  stop(): void {
    this.wheel.remove(this);
    this.cursor?.leave();
  }

  /** All messages of the client have been handled. @internal */
  becomeIdle(): void {
    this.isBusy = false;
    this.session.rest();
    if (this.hasClosed) this.leave();
  }

  /** Releases all that the client holds, and tells the listener. Idempotent. @internal */
  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.session.close();
    this.listener.left(this);
  }

  private closed(): void {
    if (this.hasClosed) return;
    this.hasClosed = true;
    this.stop();
    if (!this.isBusy) this.leave();
  }

  private finish(reason: DisconnectReason, last: (dialect: Dialect) => Buffer, error?: PushError): void {
    if (this.hasEnded) return;
    this.reason = reason;
    this.endedBy = error?.code;
    this.say(last(this.dialect!));
    this.hasEnded = true;
    this.outlet.end(error);
    this.stop();
  }
}
