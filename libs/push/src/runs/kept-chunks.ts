import { PushError } from '../contracts/errors.js';

/** The chunks of a run may have so many times as many bytes as an event. */
const bytesPerResult = 4;

/** The chunks that a run has brought, of which its result is made. */
export class KeptChunks<Chunk> {
  private chunks: Chunk[] | undefined = [];
  private bytes = 0;

  constructor(
    private readonly compact: (chunks: readonly Chunk[]) => unknown,
    private readonly maxEventBytes: number,
  ) {}

  add(chunk: Chunk, bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > bytesPerResult * this.maxEventBytes) this.chunks = undefined;
    else this.chunks?.push(chunk);
  }

  /** @throws PushError `LIMIT_EXCEEDED` if they are too large; what `compact` throws */
  result(): unknown {
    if (this.chunks) return this.compact(this.chunks);
    const most = bytesPerResult * this.maxEventBytes;
    const message = `A run has more than ${most} bytes of chunks, and ends without a result. Leave out compact, or raise maxEventBytes.`;
    throw new PushError('LIMIT_EXCEEDED', message, { retryable: false });
  }
}
