import { sseHeartbeat, sseOpening } from '../../wire/sse.codec.js';
import type { BodySink } from '../../platform/raw-response.js';
import { SseClient } from './sse-client.js';

/**
 * The client of a stream whose events go through Nest: only its connection is looked after. Its heartbeats move no id,
 * since events may still be on their way through the application's pipe. Each write is a whole block, as Nest's are.
 */
export class PipedConnection extends SseClient {
  readonly topics = undefined;

  /** The headers are sent: from now on it ends with its principal, whatever the events are. */
  attach(): void {
    this.session.attach(this);
  }

  /** Its events are push's: it is told how to come back, and that it lives. */
  open(retry: number, id: string | undefined): void {
    if (this.isOver) return this.close();
    this.sendBlock(sseOpening(retry, id));
    this.desk.wheel.add(this);
  }

  beat(): void {
    if (!this.sink.writableNeedDrain) this.sendBlock(sseHeartbeat(this.desk.heartbeat));
  }

  protected sendBlock(block: Buffer): boolean {
    return this.sink.destroyed || this.sink.writableEnded || this.sink.write(block);
  }

  private get sink(): BodySink {
    return this.response as unknown as BodySink;
  }
}
