import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { longestTimeout } from '../../access/deadline.js';
import type { Session, SessionClient } from '../../access/session.js';
import { workOfMessage } from '../../access/work.js';
import type { Connection, GapNotice, WorkBudget } from '../../contracts/connection.js';
import { CloseCode, closeCodeOf } from '../../contracts/close-codes.js';
import { PushError } from '../../contracts/errors.js';
import type { Batch } from '../../contracts/event.js';
import type { Principal } from '../../contracts/principal.js';
import type { Cursor } from '../../hub/replay/cursor.js';
import type { Hub } from '../../hub/hub.js';
import { frame, websocketCodec } from '../../wire/websocket.codec.js';
import {
  drainMessage,
  errorMessage,
  gapMessage,
  heartbeatMessage,
  revokedMessage,
  type ServerMessage,
} from '../../wire/websocket.messages.js';
import { connectionId } from '../../clients/connection-id.js';
import { UpgradeStream } from '../../platform/upgrade-stream.js';
import type { ClientConnection, DisconnectReason } from '../../clients/client-connection.js';
import type { Reception } from '../../clients/reception.js';
import { positionOf } from '../../clients/message-client.js';
import { hasRoom, together } from '../../platform/together.js';
import { Stall } from '../../clients/stall.js';
import type { Beating, TimerWheel } from '../../clients/timer-wheel.js';

/** While so many bytes of answers wait for a client, nothing more is read from it. */
const maxPendingBytes = 256 * 1024;

/** Milliseconds. */
const timeToReadClose = 1_000;

/** What WebSocket clients are served with. */
export interface WebSocketDesk {
  readonly hub: Hub;
  readonly wheel: TimerWheel;
  readonly reception: Reception;
  /** The client's connection is at its end. */
  forget(client: object): void;
}

/**
 * A WebSocket client. `ws` keeps the protocol; what is said to the client, the shared bytes of events and messages, goes to
 * the socket beside it. Both write whole frames only, so they never mix within one.
 */
export class WebSocketConnection implements Connection, ClientConnection, SessionClient, Beating {
  readonly id = connectionId();
  readonly transport = 'websocket';
  reason: DisconnectReason = 'client';
  /** While set, the client is not let in yet: its messages wait. */
  opening: Promise<void> | undefined;
  /** What its message that is being handled says, as it was parsed. They are handled one after the other. */
  message: object = {};
  readonly cursor: Cursor;
  private isAlive = true;
  private readonly stall: Stall;
  /** Something that the client has said is being handled, or waits for that. */
  isBusy = false;
  /** The client was not let in: nothing that it says is handled. */
  isRefused = false;
  /** The client is gone. */
  isOver = false;
  private lingering: NodeJS.Timeout | undefined;
  /** Nothing more is read from a client that floods. */
  private isShut = false;

  constructor(
    private readonly client: WebSocket,
    private readonly stream: Socket,
    readonly session: Session,
    private readonly desk: WebSocketDesk,
  ) {
    this.stall = new Stall(session.limits.stallTimeout);
    this.cursor = desk.hub.join(this);
    desk.reception.arrived(this);
    client.on('pong', () => (this.isAlive = true));
    for (const frame of ['message', 'ping', 'pong']) client.on(frame, this.count);
    stream.on('drain', this.drained);
    desk.wheel.add(this);
  }

  get principal(): Principal | undefined {
    return this.session.principal;
  }

  get budget(): WorkBudget {
    return this.session.budget;
  }

  get http2(): Http2Session | undefined {
    return this.stream instanceof UpgradeStream ? this.stream.session : undefined;
  }

  get clientId(): string {
    return this.session.clientIdOn(this.id);
  }

  /** Whether what the client says now is handled: not once it floods, or its right to be here is gone. */
  get isHeard(): boolean {
    return !this.isShut && !this.isRefused && !this.session.hasEnded;
  }

  get topics(): readonly string[] {
    return this.cursor.topics;
  }

  write(batch: Batch): boolean {
    return this.isOpen ? hasRoom(this.stream, this.stream.write(batch.bytes(websocketCodec))) : true;
  }

  gap(notice: GapNotice): boolean {
    return this.send(gapMessage(notice));
  }

  fail(error: PushError): void {
    this.reason = 'error';
    this.send(errorMessage(error));
    this.client.close(closeCodeOf(error.code), error.code);
  }

  /** The client is not let in. */
  refuse(error: PushError): void {
    this.isRefused = true;
    this.fail(error);
  }

  revoke(topics: readonly string[], isUndecided = false): void {
    this.cursor.unsubscribe(topics);
    this.send(revokedMessage(topics, isUndecided));
  }

  drain(delay: number): void {
    this.reason = 'drain';
    this.send(drainMessage(delay));
    this.client.close(CloseCode.ServiceRestart, 'drain');
  }

  destroy(): void {
    this.client.terminate();
  }

  /** Sends a message of the protocol. Returns whether there is room for more. */
  send(message: ServerMessage): boolean {
    if (!this.isOpen) return true;
    const isBelowMark = this.stream.write(frame(JSON.stringify(message)));
    if (!this.hasRoomForAnswers) this.client.pause();
    return hasRoom(this.stream, isBelowMark);
  }

  together(run: () => void): void {
    together(this.stream, run);
  }

  /** Whether the client takes its answers: if not, it is not asked for more messages. */
  get hasRoomForAnswers(): boolean {
    return this.isOver || this.stream.writableLength <= maxPendingBytes;
  }

  /** Waits until a message of so many bytes may be handled: what was done before is paid for, and it is its turn. */
  async turn(bytes: number): Promise<void> {
    await this.session.ready();
    await this.desk.reception.turn();
    this.session.budget.spend(workOfMessage(bytes));
  }

  /** Goes on reading, after a pause. */
  resume(): void {
    if (this.client.isPaused && !this.isShut) this.client.resume();
  }

  /**
   * A client that did not answer the last ping is gone, and so is one that says that it lives, and reads nothing; the others
   * are asked again, and told where they are.
   */
  beat(): void {
    // One that is not read cannot be heard.
    const isSilent = !this.isAlive && !this.client.isPaused;
    if (isSilent || this.stall.isTooLong(this.stream.writableNeedDrain)) {
      this.reason = 'timeout';
      this.client.terminate();
      return;
    }
    this.isAlive = false;
    if (!this.isOpen) return;
    this.client.ping();
    if (!this.stream.writableNeedDrain) this.send(heartbeatMessage(positionOf(this)));
  }

  /** The client is gone. What it has said before is still handled; then the connection is. Idempotent. */
  close(): void {
    this.isOver = true;
    this.desk.wheel.remove(this);
    this.cursor.leave();
    this.stream.off('drain', this.drained);
    if (this.isBusy) this.progress();
    else this.leave();
  }

  /** Something that it has said was handled. Once the client is gone, what makes no progress is not waited for. */
  progress(): void {
    if (!this.isOver) return;
    clearTimeout(this.lingering);
    const patience = Math.min(2 * this.session.limits.decisionTimeout, longestTimeout);
    this.lingering = setTimeout(() => {
      this.isRefused = true;
      this.leave();
    }, patience).unref();
  }

  /** Nothing of what the client has said waits any more. */
  rest(): void {
    this.isBusy = false;
    this.session.rest();
    if (this.isOver) this.leave();
  }

  private leave(): void {
    clearTimeout(this.lingering);
    this.session.close();
    this.desk.reception.left(this);
    this.desk.forget(this.client);
  }

  /** Every frame counts, also those that no handler sees. */
  private readonly count = (): void => {
    if (!this.isOpen || this.session.isWithin('messages')) return;
    this.fail(new PushError('LIMIT_EXCEEDED', 'Too many frames. Come back later, and send less.'));
    this.isShut = true;
    this.client.pause();
    // Its answer to our close frame is not read either: it has this long to read ours.
    setTimeout(() => this.client.terminate(), timeToReadClose).unref();
  };

  private get isOpen(): boolean {
    return this.client.readyState === WebSocket.OPEN;
  }

  private readonly drained = (): void => {
    this.stall.end();
    this.resume();
    this.cursor.drained();
  };
}
