import type { AudienceMember } from '../../clients/outlet.js';
import type { Compressor } from '../../clients/shared-stream.js';
import { StreamMember, type CompressedForm, type SharedStreams } from '../../clients/shared-streams.js';
import type { Batch, Codec, Derivation } from '../../contracts/event.js';
import { GzipSum, gzipHeader, stored } from '../../wire/gzip.js';
import { DeflateContext } from '../../wire/shared-deflate.js';
import { chunk } from '../../wire/sse.codec.js';

/** How the bytes of a body are framed: as they are, or in chunks of a chunked body. */
type Framing = (bytes: Buffer) => Buffer;

const plain: Framing = (bytes) => bytes;
const inChunk: Framing = (bytes) => chunk([bytes]);

/** Bodies that are written alike, whose readers share their bytes. */
class GzipForm implements CompressedForm, Derivation<Buffer> {
  readonly transport = 'sse';
  private static readonly known = new Map<Framing, WeakMap<Codec, GzipForm>>([
    [plain, new WeakMap()],
    [inChunk, new WeakMap()],
  ]);

  private constructor(
    readonly codec: Codec,
    readonly frame: Framing,
  ) {}

  static of(codec: Codec, frame: Framing): GzipForm {
    const known = GzipForm.known.get(frame)!;
    let form = known.get(codec);
    if (!form) known.set(codec, (form = new GzipForm(codec, frame)));
    return form;
  }

  compressor(): Compressor {
    const context = new DeflateContext();
    return {
      reset: () => context.reset(),
      compress: (blocks) => this.frame(context.compress(blocks)),
      store: (blocks) => {
        context.keep(blocks);
        return this.frame(stored(blocks));
      },
    };
  }

  /** A batch that is not compressed. */
  derive(batch: Batch): Buffer {
    return this.frame(stored(batch.bytes(this.codec)));
  }
}

/**
 * The body of an event stream as gzip (RFC 1952), which goes on for as long as the stream does. What its audience gets is
 * compressed once for all; what it is told alone is stored in it, after which it shares nothing until its audience begins anew.
 */
export class GzipBody {
  private readonly sum = new GzipSum();
  private readonly member: StreamMember;
  private readonly form: GzipForm;
  private hasBegun = false;

  /**
   * @param codec writes the events down, in whole blocks
   * @param isChunked whether each write has to be a chunk of a chunked body
   */
  constructor(streams: SharedStreams, codec: Codec, isChunked: boolean) {
    this.form = GzipForm.of(codec, isChunked ? inChunk : plain);
    this.member = new StreamMember(streams, this.form);
  }

  /** The next part of the body, for these bytes. */
  encode(bytes: Buffer, batch?: Batch, member?: AudienceMember): Buffer {
    this.sum.add(bytes);
    const shared = batch && member && this.hasBegun && this.member.bytesOf(bytes, batch, member);
    if (shared) return shared;
    // From now on its window differs from that of the others.
    this.member.state = undefined;
    return batch && this.hasBegun ? batch.derived(this.form) : this.form.frame(this.begun(stored(bytes)));
  }

  /** The last part. */
  end(): Buffer {
    return this.form.frame(this.begun(this.sum.trailer));
  }

  private begun(part: Buffer): Buffer {
    if (this.hasBegun) return part;
    this.hasBegun = true;
    return Buffer.concat([gzipHeader, part]);
  }

  /** The client is gone. */
  close(): void {
    this.member.leave();
  }
}
