import { sseComment, sseOpening } from '../../wire/sse.codec.js';
import type { Beating, TimerWheel } from '../timer-wheel.js';
import type { BodySink, RawResponse } from './raw-response.js';

/**
 * Keeps the connection of a stream alive whose events go through Nest. The heartbeat is a comment and moves no id, since
 * events may still be on their way through the application's pipe. Each write is a whole block, as Nest's are.
 */
export class KeptAlive implements Beating {
  private readonly sink: BodySink;

  constructor(
    response: RawResponse,
    private readonly wheel: TimerWheel,
    retry: number,
  ) {
    this.sink = response as unknown as BodySink;
    this.put(sseOpening(retry));
    wheel.add(this);
  }

  beat(): void {
    if (!this.sink.writableNeedDrain) this.put(sseComment);
  }

  close(): void {
    this.wheel.remove(this);
  }

  private put(block: Buffer): void {
    if (!this.sink.destroyed && !this.sink.writableEnded) this.sink.write(block);
  }
}
