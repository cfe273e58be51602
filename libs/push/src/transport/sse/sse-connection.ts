import type { GapNotice } from '../../contracts/connection.js';
import type { Start } from '../../hub/replay/cursor.js';
import {
  chunkedSseCodec,
  chunkedSseEnvelopeCodec,
  sseCodec,
  sseEnvelopeCodec,
  sseGap,
  sseHeartbeat,
  sseOpening,
} from '../../wire/sse.codec.js';
import { DirectConnection, type Codecs } from './direct-connection.js';
import type { SseDesk } from './sse-client.js';
import type { SseVisit } from './sse-visit.js';

const plain: Codecs = { whole: sseCodec, chunked: chunkedSseCodec };
const enveloped: Codecs = { whole: sseEnvelopeCodec, chunked: chunkedSseEnvelopeCodec };

/** A client of an unpiped event stream. */
export class SseConnection extends DirectConnection {
  constructor(
    visit: SseVisit,
    desk: SseDesk,
    readonly topics: readonly string[],
    isEnveloped: boolean,
    end: () => void,
  ) {
    super(visit, desk, isEnveloped ? enveloped : plain, end);
  }

  /**
   * Begins to read.
   *
   * @param isNew the client starts now: it has an id at once, and is told of everything from here on even if it is cut
   * before an event
   */
  open(start: Start, retry: number, isNew: boolean): void {
    this.session.attach(this);
    if (this.isOver) return this.close();
    this.desk.wheel.add(this);
    try {
      this.cursor.subscribe(this.topics, start, (id) => {
        this.sendBlock(sseOpening(retry, isNew ? id : undefined));
      });
    } catch (thrown) {
      this.broke(thrown);
    }
  }

  gap(notice: GapNotice): boolean {
    return this.sendBlock(sseGap(notice));
  }

  /** Keeps proxies from closing a quiet stream, and its last event id from growing old. */
  protected heartbeat(): void {
    this.sendBlock(sseHeartbeat(this.desk.heartbeat, this.cursor.position));
  }
}
