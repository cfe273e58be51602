import type { EventStream } from '../../bus/event-stream.js';
import type { Connection, GapNotice } from '../../contracts/connection.js';
import type { Batch, Codec } from '../../contracts/event.js';
import type { Cursor, Start } from '../../hub/cursor.js';
import {
  chunk,
  chunkedSseCodec,
  chunkedSseEnvelopeCodec,
  sseCodec,
  sseEnvelopeCodec,
  sseGap,
  sseHeartbeat,
  sseOpening,
} from '../../wire/sse.codec.js';
import { bodyOf, type Body } from './raw-response.js';
import { SseClient, type SseDesk, type SseVisit } from './sse-client.js';

/**
 * A client of an unpiped event stream. Nest has sent the headers; from then on the audience's shared bytes are written to
 * the body itself.
 */
export class SseConnection extends SseClient implements Connection {
  private readonly cursor: Cursor;
  private readonly body: Body;
  private readonly codec: Codec;

  constructor(
    visit: SseVisit,
    desk: SseDesk,
    private readonly stream: EventStream,
    end: () => void,
  ) {
    super(visit, desk, end);
    this.body = bodyOf(visit.response);
    const isEnveloped = stream.options.envelope ?? false;
    if (this.body.isChunked) this.codec = isEnveloped ? chunkedSseEnvelopeCodec : chunkedSseCodec;
    else this.codec = isEnveloped ? sseEnvelopeCodec : sseCodec;
    this.cursor = stream.hub.join(this);
  }

  get topics(): readonly string[] {
    return this.stream.topics;
  }

  /**
   * Begins to read.
   *
   * @param isNew the client starts now: it has an id at once, and is told of everything from here on even if it is cut
   * before an event
   */
  open(start: Start, retry: number, isNew: boolean): void {
    this.desk.wheel.add(this);
    this.cursor.subscribe(this.stream.topics, start, (id) => {
      this.send(sseOpening(retry, isNew ? id : undefined));
    });
    this.session.attach(this);
  }

  write(batch: Batch): boolean {
    return this.put(batch.bytes(this.codec));
  }

  gap(notice: GapNotice): boolean {
    return this.send(sseGap(notice));
  }

  /** Keeps proxies from closing a quiet stream, and its last event id from growing old. */
  beat(): void {
    if (!this.body.sink.writableNeedDrain) this.send(sseHeartbeat(this.desk.heartbeat, this.cursor.position));
  }

  override close(): void {
    super.close();
    this.cursor.leave();
    this.body.sink.off('drain', this.drained);
  }

  protected send(block: Buffer): boolean {
    return this.put(this.body.isChunked ? chunk([block]) : block);
  }

  private put(bytes: Buffer): boolean {
    const { sink, isDirect } = this.body;
    if (sink.destroyed || this.response.writableEnded) return true;
    // A large write counts as too much even if the kernel took all of it: what matters is what stayed here.
    if (sink.write(bytes) || (isDirect && sink.writableLength === 0)) return true;
    sink.once('drain', this.drained);
    return false;
  }

  private readonly drained = (): void => this.cursor.drained();
}
