import type { StreamInfo } from '@nats-io/jetstream';
import type { Floors, NatsFloors } from './nats-floors.js';
import type { NatsLog } from './nats-log.js';
import type { Subjects } from './subjects.js';

const noFloors: Floors = { plain: 0, rules: new Map() };

export type Streams = Awaited<ReturnType<NatsLog['manager']>>['streams'];

/** How many full subjects are looked at for a page, and how many of them at once. */
const mostFull = 256;
const parallel = 16;

/** How many deleted messages the server is asked to name. */
const mostDeleted = 10_000;

/** For how many filters it is remembered how many messages their subjects have. */
const mostCounts = 16;

/** The subjects of a filter that had at least half of what is kept, when the stream ended at a sequence. */
interface Counts {
  readonly sequence: number;
  readonly large: readonly [subject: string, count: number][];
}

/** What a stream no longer has. */
export interface Losses {
  /** Up to here, any topic may have lost something, but for state topics. */
  readonly any: number;
  /** Up to here, state topics may have lost something. */
  readonly anyState: number;
  /** Removals that were dropped, by the pattern of their rule. */
  readonly rules: Floors['rules'];
  /** Topics that are full, and their oldest message: it stands for what they lost, and is not delivered. */
  readonly oldest: ReadonlyMap<string, number>;
}

/**
 * Finds out what is gone. A subject that is full may have lost something: its oldest message stands for that. What went with
 * the end of the stream, by its age or size, or was purged or deleted by hand, may have been of any topic.
 */
export class NatsLosses {
  private readonly counts = new Map<string, Counts>();

  constructor(
    private readonly log: NatsLog,
    private readonly subjects: Subjects,
    /** There where nodes purge what is old themselves. */
    private readonly floors: NatsFloors | undefined,
  ) {}

  /**
   * It is asked last, after what was read: what goes meanwhile is told too.
   *
   * @param filters subjects that cover all that was asked for
   * @param isAsked whether a topic was asked for
   */
  async find(
    streams: Streams,
    filters: readonly string[],
    isAsked: (topic: string) => boolean,
  ): Promise<Losses> {
    const { kept } = this.log.current!;
    const info = await streams.info(this.subjects.stream);
    const { first_seq: firstSequence, messages, num_deleted: deleted = 0 } = info.state;
    const before = Math.max(firstSequence - 1, 0);
    const { plain, rules } = this.floors ? await this.floors.read({ streams }) : noFloors;
    // Nodes leave the mark after the floor: what is gone beyond that is gone by somebody's hand.
    const state = { anyState: before > plain ? before : 0, rules };
    const any = Math.max(before, plain);
    // Where no subject can be full, and nodes purge nothing, somebody's hand alone takes messages out of the middle.
    if (messages < kept)
      return {
        any: deleted > 0 && !this.floors ? await this.newestDeleted(streams, info) : any,
        oldest: new Map(),
        ...state,
      };
    const full: string[] = [];
    for (const filter of filters)
      for (const subject of await this.full(streams, filter, info))
        if (isAsked(this.subjects.topicOf(subject)!)) full.push(subject);
    const oldest = new Map<string, number>();
    for (let start = 0; start < Math.min(full.length, mostFull); start += parallel)
      await Promise.all(
        full.slice(start, start + parallel).map(async (subject) => {
          const first = { next_by_subj: subject, seq: 1 };
          const message = await streams.getMessage(this.subjects.stream, first);
          if (message) oldest.set(this.subjects.topicOf(subject)!, message.seq);
        }),
      );
    // What that many have lost is not known.
    return { any: full.length > mostFull ? info.state.last_seq : any, oldest, ...state };
  }

  /** The subjects of a filter that may be full by now. */
  private async full(streams: Streams, filter: string, { state }: StreamInfo): Promise<string[]> {
    const { kept } = this.log.current!;
    let known = this.counts.get(filter);
    const isOld = !known || state.last_seq < known.sequence || state.last_seq - known.sequence >= kept / 2;
    if (!known || isOld) known = await this.count(streams, filter, kept);
    const since = Math.max(0, state.last_seq - known.sequence);
    return known.large.filter(([, count]) => count + since >= kept).map(([subject]) => subject);
  }

  private async count(streams: Streams, filter: string, kept: number): Promise<Counts> {
    const { state } = await streams.info(this.subjects.stream, { subjects_filter: filter });
    const large = Object.entries(state.subjects ?? {}).filter(([, count]) => count >= kept / 2);
    const counts = { sequence: state.last_seq, large };
    this.counts.delete(filter);
    this.counts.set(filter, counts);
    if (this.counts.size > mostCounts) this.counts.delete([...this.counts.keys()][0]!);
    return counts;
  }

  /** The newest message that was deleted, or purged with its subject. */
  private async newestDeleted(streams: Streams, { state }: StreamInfo): Promise<number> {
    if ((state.num_deleted ?? 0) > mostDeleted) return state.last_seq;
    const details = await streams.info(this.subjects.stream, { deleted_details: true });
    return Math.max(state.first_seq - 1, details.state.deleted?.at(-1) ?? state.last_seq);
  }
}
