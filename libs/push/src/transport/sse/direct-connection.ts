import type { Connection, GapNotice, WorkBudget } from '../../contracts/connection.js';
import type { Batch, Codec } from '../../contracts/event.js';
import type { Cursor } from '../../hub/replay/cursor.js';
import { chunk } from '../../wire/sse.codec.js';
import { hasRoom, together } from '../../platform/together.js';
import { Stall } from '../../clients/stall.js';
import { bodyOf, type BodySink } from '../../platform/raw-response.js';
import { SseClient, type SseDesk } from './sse-client.js';
import type { SseVisit } from './sse-visit.js';

/** How events look to a client: as whole writes, and as chunks of a chunked body. */
export interface Codecs {
  readonly whole: Codec;
  readonly chunked: Codec;
}

/**
 * A client whose events are written to the body itself. Nest has sent the headers; from then on the bytes are those that
 * the audience shares.
 */
export abstract class DirectConnection extends SseClient implements Connection {
  readonly cursor: Cursor;
  private readonly sink: BodySink;
  private readonly isChunked: boolean;
  private readonly isDirect: boolean;
  private readonly codec: Codec;
  private readonly stall: Stall;

  /** @param end as of `SseClient` */
  constructor(visit: SseVisit, desk: SseDesk, codecs: Codecs, end: () => void) {
    super(visit, desk, end);
    const { sink, isChunked, isDirect } = bodyOf(visit.response);
    this.sink = sink;
    this.isChunked = isChunked;
    this.isDirect = isDirect;
    this.codec = isChunked ? codecs.chunked : codecs.whole;
    this.stall = new Stall(this.session.limits.stallTimeout);
    this.cursor = desk.hub.join(this);
  }

  get budget(): WorkBudget {
    return this.session.budget;
  }

  abstract gap(notice: GapNotice): boolean;

  write(batch: Batch): boolean {
    return this.put(batch.bytes(this.codec));
  }

  override close(): void {
    super.close();
    this.cursor.leave();
    this.sink.off('drain', this.drained);
  }

  together(run: () => void): void {
    together(this.sink, run);
  }

  /** A client that reads nothing has had its time; one that is slow gets no heartbeat, which would only wait. */
  beat(): void {
    const isFull = this.sink.writableNeedDrain;
    if (this.stall.isTooLong(isFull)) this.drop('timeout');
    else if (!isFull) this.heartbeat();
  }

  protected abstract heartbeat(): void;

  protected sendBlock(block: Buffer): boolean {
    return this.put(this.isChunked ? chunk([block]) : block);
  }

  private put(bytes: Buffer): boolean {
    // Nothing may come behind the end of a body that the application has ended. Of a closed one the hub is told in a moment.
    if (this.response.writableEnded) return true;
    const { sink } = this;
    const isBelowMark = sink.write(bytes);
    if (this.isDirect ? hasRoom(sink, isBelowMark) : isBelowMark) return true;
    sink.once('drain', this.drained);
    return false;
  }

  private readonly drained = (): void => {
    this.stall.end();
    this.cursor.drained();
  };
}
