import { explain } from '../../bus/failure.js';
import type { GapNotice } from '../../contracts/connection.js';
import type { PushError } from '../../contracts/errors.js';
import { chunkedSseMessageCodec, sseMessage, sseMessageCodec, sseOpening } from '../../wire/sse.codec.js';
import {
  drainMessage,
  errorMessage,
  gapMessage,
  heartbeatMessage,
  revokedMessage,
  type ServerMessage,
} from '../../wire/websocket.messages.js';
import type { SubscribeMessage } from '../../clients/client-messages.js';
import { greet, positionOf, subscribe, type MessageClient } from '../../clients/message-client.js';
import { DirectConnection } from './direct-connection.js';
import type { SseDesk } from './sse-client.js';
import type { SseVisit } from './sse-visit.js';

const codecs = { whole: sseMessageCodec, chunked: chunkedSseMessageCodec };

/** A client that gets the messages of a WebSocket as an event stream. What it asks for, it has said in its request. */
export class MessageConnection extends DirectConnection implements MessageClient {
  constructor(visit: SseVisit, desk: SseDesk, end: () => void) {
    super(visit, desk, codecs, end);
  }

  get clientId(): string {
    return this.session.clientIdOn(this.id);
  }

  get topics(): readonly string[] {
    return this.cursor.topics;
  }

  /** Greets the client, and does what it asks for, in order. */
  open(asked: readonly SubscribeMessage[]): void {
    this.session.attach(this);
    if (this.isOver) return this.close();
    const { wheel, reception, limits } = this.desk;
    wheel.add(this);
    this.sendBlock(sseOpening(reception.comeBackIn));
    greet(this, limits);
    this.serve(asked).catch((thrown: unknown) => this.broke(thrown));
  }

  send(message: ServerMessage): boolean {
    return this.sendBlock(sseMessage(message));
  }

  gap(notice: GapNotice): boolean {
    return this.send(gapMessage(notice));
  }

  protected heartbeat(): void {
    this.send(heartbeatMessage(positionOf(this)));
  }

  override fail(error: PushError): void {
    this.finish('error', sseMessage(errorMessage(error)));
  }

  override drain(delay: number): void {
    this.finish('drain', sseMessage(drainMessage(delay)));
  }

  revoke(topics: readonly string[], isUndecided = false): void {
    this.cursor.unsubscribe(topics);
    this.send(revokedMessage(topics, isUndecided));
  }

  private async serve(asked: readonly SubscribeMessage[]): Promise<void> {
    for (const message of asked) {
      await this.session.ready();
      await this.desk.reception.turn();
      // One that was told that it is over is told nothing more.
      if (!this.isOver) await this.subscribe(message);
    }
  }

  private async subscribe(message: SubscribeMessage): Promise<void> {
    try {
      await subscribe(this, message, this.desk);
    } catch (thrown) {
      if (this.isOver) return;
      const { error, details, isExpected } = explain(thrown);
      if (!isExpected) this.desk.errors.report(thrown, { stage: 'message', connection: this.id });
      this.send(errorMessage(error, message.ref, details));
    }
  }
}
