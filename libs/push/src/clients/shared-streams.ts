import { Inject, Injectable } from '@nestjs/common';
import { CompressibleTopics } from '../access/compressible-topics.js';
import type { Batch, Codec } from '../contracts/event.js';
import { Hub } from '../hub/hub.js';
import type { TransportCounts } from '../hub/counts.js';
import { CompressionBudget } from './compression-budget.js';
import type { AudienceMember } from './outlet.js';
import { SharedStream, type Compressor, type Membership } from './shared-stream.js';

/** For a reader that is alone, a batch is compressed from so many bytes on. */
const largeBatch = 1_024;

/** A batch of more events, or bytes, is not compressed: that would take too long at once, in a busy node above all. */
const mostEvents = 64;
const mostBytes = 64 * 1024;

/** Of how many audiences it is remembered whether their topics may be compressed together. */
const knownAudiences = 1_000;

/** One kind of connection, whose readers can share bytes. A singleton, compared by identity. */
export interface CompressedForm {
  /** Writes a batch down before it is compressed. */
  readonly codec: Codec;
  /** The transport that what is saved is counted for. */
  readonly transport: string;
  compressor(): Compressor;
}

/** The compressed streams of this node, one for each audience and kind of connection that has any. */
@Injectable()
export class SharedStreams {
  private readonly byForm = new Map<CompressedForm, Map<string, SharedStream>>();
  private readonly allowed = new Map<string, boolean>();
  private readonly budget = new CompressionBudget();

  constructor(
    @Inject(CompressibleTopics) private readonly topics: CompressibleTopics,
    @Inject(Hub) private readonly hub: Pick<Hub, 'counts'>,
  ) {}

  /** Where it is counted how many bytes were saved. */
  countsOf({ transport }: CompressedForm): Pick<TransportCounts, 'saved'> {
    return this.hub.counts.of(transport);
  }

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

  /** Adds a member to the stream of an audience. Returns `undefined` if its topics may not be compressed together. */
  join(form: CompressedForm, audience: string, topics: () => readonly string[]): SharedStream | undefined {
    let streams = this.byForm.get(form);
    if (!streams) this.byForm.set(form, (streams = new Map()));
    let stream = streams.get(audience);
    if (!stream) {
      if (!this.isAllowed(audience, topics)) return undefined;
      stream = new SharedStream(form.compressor(), (batch) => batch.bytes(form.codec), this.budget);
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

  private isAllowed(audience: string, topics: () => readonly string[]): boolean {
    const known = this.allowed.get(audience);
    if (known !== undefined) return known;
    if (this.allowed.size === knownAudiences) this.allowed.clear();
    const isAllowed = this.topics.allow(topics());
    this.allowed.set(audience, isAllowed);
    return isAllowed;
  }
}

/** A client as a member of the stream of its audience, whichever that is. */
export class StreamMember implements Membership {
  state: number | undefined;
  private stream: SharedStream | undefined;
  private audience: string | undefined;
  private readonly counts: Pick<TransportCounts, 'saved'>;

  constructor(
    private readonly streams: SharedStreams,
    private readonly form: CompressedForm,
  ) {
    this.counts = streams.countsOf(form);
  }

  /** The compressed bytes of a batch; `undefined` if the client gets plain bytes. */
  bytesOf(plain: Buffer, batch: Batch, member: AudienceMember): Buffer | undefined {
    const { counted } = member;
    if (counted !== this.audience) this.move(counted, () => member.topics);
    const { stream } = this;
    if (!stream || (stream.size < 2 && plain.length <= largeBatch)) return undefined;
    if (batch.events.length > mostEvents || plain.length > mostBytes) return undefined;
    const compressed = stream.next(batch, this);
    if (compressed) this.counts.saved += plain.length - compressed.length;
    return compressed;
  }

  /** The client is gone. Idempotent. */
  leave(): void {
    this.move(undefined, () => []);
  }

  private move(audience: string | undefined, topics: () => readonly string[]): void {
    if (this.stream) this.streams.leave(this.form, this.audience!);
    this.audience = audience;
    this.state = undefined;
    this.stream = audience === undefined ? undefined : this.streams.join(this.form, audience, topics);
  }
}
