import { Inject, Injectable } from '@nestjs/common';
import { CompressibleTopics } from '../access/compressible-topics.js';
import type { Batch, Codec } from '../contracts/event.js';
import type { AudienceMember } from './outlet.js';
import { SharedStream, type Compressor, type Membership } from './shared-stream.js';

/** A lone reader's batch is compressed from so many bytes on. */
const largeEvent = 1_024;

/** One kind of connection: its members can share bytes. A singleton, compared by identity. */
export interface CompressedForm {
  /** Writes a batch down before it is compressed. */
  readonly codec: Codec;
  compressor(): Compressor;
}

/** The compressed streams of this node, one for each audience and kind of connection. */
@Injectable()
export class SharedStreams {
  private readonly byForm = new Map<CompressedForm, Map<string, SharedStream>>();

  constructor(@Inject(CompressibleTopics) private readonly topics: CompressibleTopics) {}

  /** Whether what is sent of these topics may be compressed together. */
  allows(topics: readonly string[]): boolean {
    return this.topics.allow(topics);
  }

  /** How many streams there are. */
  get size(): number {
    let size = 0;
    for (const streams of this.byForm.values()) size += streams.size;
    return size;
  }

  /** Adds a member to the stream of an audience. */
  join(form: CompressedForm, audience: string): SharedStream {
    let streams = this.byForm.get(form);
    if (!streams) this.byForm.set(form, (streams = new Map()));
    let stream = streams.get(audience);
    if (!stream) {
      stream = new SharedStream(form.compressor(), (batch) => batch.bytes(form.codec));
      streams.set(audience, stream);
    }
    stream.size++;
    return stream;
  }

  /** Takes a member out of the stream of an audience. */
  leave(form: CompressedForm, audience: string): void {
    const streams = this.byForm.get(form)!;
    const stream = streams.get(audience)!;
    if (--stream.size === 0) streams.delete(audience);
  }
}

/** A client as a member of the stream of its audience, whichever that is. */
export class StreamMember implements Membership {
  state: number | undefined;
  private stream: SharedStream | undefined;
  private audience: string | undefined;

  constructor(
    private readonly streams: SharedStreams,
    private readonly form: CompressedForm,
  ) {}

  /** The compressed bytes of a batch; `undefined` if the client gets plain bytes. */
  bytesOf(plain: Buffer, batch: Batch, { counted, topics }: AudienceMember): Buffer | undefined {
    if (counted !== this.audience) this.move(counted, topics);
    const { stream } = this;
    if (!stream || (stream.size < 2 && plain.length <= largeEvent)) return undefined;
    return stream.next(batch, this);
  }

  /** The client is gone. Idempotent. */
  leave(): void {
    this.move(undefined, []);
  }

  private move(audience: string | undefined, topics: readonly string[]): void {
    if (this.stream) this.streams.leave(this.form, this.audience!);
    this.audience = audience;
    this.state = undefined;
    const isShared = audience !== undefined && this.streams.allows(topics);
    this.stream = isShared ? this.streams.join(this.form, audience) : undefined;
  }
}
