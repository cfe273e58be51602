import {
  JetStreamApiCodes,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  type StoredMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import { millis, type NatsConnection } from '@nats-io/transport-node';
import type { Retention } from '../../contracts/retention.js';
import type { Outage } from '../kit/outage.js';
import { hasCode } from './api-error.js';
import { patience, type NatsLink } from './nats-link.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import {
  anotherEpoch,
  descriptionOf,
  repetitionOf,
  statementOf,
  statementOfMark,
  streamOf,
  type Statement,
} from './statement.js';
import { configOf, growthOf, keptOf, misfitOf } from './stream-config.js';
import type { Subjects } from './subjects.js';

/** The log as the server has it. */
export interface OpenLog extends Statement {
  /** The sequence of the newest stored message. */
  readonly sequence: number;
  /** How many messages of a subject are kept. */
  readonly kept: number;
}

/** The newest message that this node knows of, and what tells it from another one with its number. */
interface Seen {
  readonly sequence: number;
  /** When the server stored it, in milliseconds of its clock, if this node has read it. */
  readonly time?: number;
  /** The id that this node stored it with. */
  readonly id?: string;
}

const nothing: Seen = { sequence: 0 };

/** A day, in milliseconds: as often a mark is stored in any case. */
const longestInterval = 86_400_000;

/** How many epochs that ended are remembered. */
const mostFormer = 100;

/**
 * How long a stream has to be gone from a running server before it is made anew, in milliseconds. A server that still
 * deletes one (2.9.10 does so for a while after it has said that it is gone) would delete files of the other one.
 */
const absence = 3_000;

/** How often the log is looked at again because another node changed it meanwhile. */
const mostLooks = 10;

/** What this node believes about the log, shared by all that write and read it. */
export class NatsLog {
  /** As it was last seen; `undefined` before the first time. */
  current: OpenLog | undefined;
  /** The epoch that the node was told of last. */
  told: string | undefined;
  private seen = nothing;
  /** Epochs that this node knows to have ended: a stream that is in one of them again was restored. */
  private readonly former = new Set<string>();
  /** Since when a stream that was there is gone, on the monotonic clock. */
  private goneSince: number | undefined;
  /** Told when the stream is another one: nobody else tells its readers. */
  onAnotherStream: () => void = () => undefined;
  private opening: Promise<OpenLog> | undefined;
  /** During which connection it was looked at last. */
  private generation = 0;
  /** During which connection the stream was there. */
  private foundIn = 0;
  /** When this node last knew of a new mark, in milliseconds of its monotonic clock. */
  private markedAt = -Infinity;
  private readonly wanted: ReturnType<typeof configOf>;
  /** How old the newest mark may become, in milliseconds. */
  readonly markInterval: number;

  constructor(
    private readonly link: NatsLink,
    private readonly subjects: Subjects,
    private readonly options: NatsBackplaneOptions,
    largest: Retention,
    private readonly outage: Outage,
  ) {
    this.wanted = configOf(options, subjects, largest);
    const { max_age: age, max_msgs_per_subject: kept } = this.wanted;
    this.markInterval = Math.min(age > 0 ? millis(age) / Math.min(kept, 100) : Infinity, longestInterval);
  }

  /** The JetStream API on a connection. */
  async manager(connection: NatsConnection): Promise<JetStreamManager> {
    return jetstreamManager(connection, { timeout: patience, checkAPI: false, ...this.options.jetstream });
  }

  /** The newest message that this node knows of in `epoch`. */
  newestIn(epoch: string | undefined): number {
    return epoch === this.current?.epoch ? this.seen.sequence : 0;
  }

  /** Notes that this node knows of a message. A server that does not has lost it. */
  saw(epoch: string, seen: Seen): void {
    if (epoch === this.current?.epoch && seen.sequence >= this.seen.sequence) this.seen = seen;
  }

  /**
   * Notes that a mark was read. Returns the epoch that begins with it, if it is another than `epoch`, the reader's.
   */
  readMark(epoch: string, body: string, sequence: number): Statement | undefined {
    this.markedAt = performance.now();
    const statement = statementOfMark(body, sequence);
    if (!statement || statement.epoch === epoch) return undefined;
    const begun = { ...statement, start: sequence };
    if (this.current && begun.start > this.current.start) this.believe({ ...this.current, ...begun });
    return begun;
  }

  /** Something failed: what is believed has to be looked at again. */
  doubt(): void {
    this.generation = 0;
  }

  /** The log, looked at since the connection was made: a server that comes back may not be what it was. */
  async known(): Promise<OpenLog> {
    return this.current && this.generation === this.link.generation ? this.current : this.open();
  }

  /** Looks at the stream, and makes it where there is none. Calls that overlap share the answer. */
  open(): Promise<OpenLog> {
    this.opening ??= this.look().finally(() => (this.opening = undefined));
    return this.opening;
  }

  /** As of a moment after the call. */
  async openAfresh(): Promise<OpenLog> {
    await this.opening?.catch(() => undefined);
    return this.open();
  }

  private async look(): Promise<OpenLog> {
    const connection = await this.link.up();
    const { generation } = this.link;
    const { streams } = await this.manager(connection);
    for (let looks = 0; looks < mostLooks; looks++) {
      // What is read while the server answers may be newer than the answer.
      const { seen, current } = this;
      const info = await this.fittingStream(streams);
      const mark = await streams.getMessage(info.config.name, { last_by_subj: this.subjects.mark });
      const log = await this.describe(streams, info, mark);
      if (await this.hasLost(streams, log, seen, current?.epoch)) {
        this.outage.note(`The stream "${info.config.name}" lost messages that it had acknowledged.`);
        await this.mark(connection, mark, anotherEpoch(log.epoch));
      } else {
        const isMarked = performance.now() - this.markedAt < this.markInterval;
        if (!isMarked) await this.mark(connection, mark, repetitionOf(log));
        this.generation = generation;
        return this.believe(log);
      }
    }
    throw new Error('other nodes change the log all the time');
  }

  private believe(log: OpenLog): OpenLog {
    if (this.current && log.epoch !== this.current.epoch) {
      this.seen = nothing;
      this.former.add(this.current.epoch);
      if (this.former.size > mostFormer) this.former.delete([...this.former][0]!);
    }
    const isAnotherStream = this.current && streamOf(this.current.epoch) !== streamOf(log.epoch);
    this.current = log;
    if (isAnotherStream) this.onAnotherStream();
    return log;
  }

  private async fittingStream(streams: JetStreamManager['streams']): Promise<StreamInfo> {
    const { wanted } = this;
    const info = await this.infoOrCreate(streams);
    const misfit = misfitOf(info.config, wanted);
    if (misfit) {
      const ways = 'Give the backplane another "stream", matching options, or delete the stream.';
      throw new Error(`the stream "${wanted.name}" cannot be the log: ${misfit}. ${ways}`);
    }
    const growth = growthOf(info.config, wanted);
    return growth ? streams.update(wanted.name, growth) : info;
  }

  private async infoOrCreate(streams: JetStreamManager['streams']): Promise<StreamInfo> {
    try {
      return this.found(await streams.info(this.wanted.name));
    } catch (error) {
      if (!hasCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
      this.goneSince ??= performance.now();
      const isDeleted = this.foundIn === this.link.generation;
      if (isDeleted && performance.now() - this.goneSince < absence)
        throw new Error(`the stream "${this.wanted.name}" is gone, and will be made anew`, { cause: error });
      return this.found(await streams.add(this.wanted));
    }
  }

  private found(info: StreamInfo): StreamInfo {
    this.goneSince = undefined;
    this.foundIn = this.link.generation;
    return info;
  }

  /** What the stream holds. Its description is set right if whoever began an epoch could not do that. */
  private async describe(
    streams: JetStreamManager['streams'],
    info: StreamInfo,
    mark: StoredMsg | null,
  ): Promise<OpenLog> {
    const described = statementOf(info);
    const marked = mark ? statementOfMark(mark.string(), mark.seq) : undefined;
    const rest = { sequence: info.state.last_seq, kept: keptOf(info.config) };
    if (!marked || marked.start <= described.start) return { ...described, ...rest };
    await streams.update(info.config.name, { description: descriptionOf(marked) });
    return { ...marked, ...rest };
  }

  /**
   * Stores a mark. Events leave the stream because their topic is full, or because they are old: with marks in it, the
   * oldest message tells what is gone because it was old. Of several nodes that mark at once, one does it.
   */
  private async mark(connection: NatsConnection, last: StoredMsg | null, body: string): Promise<void> {
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    try {
      await client.publish(this.subjects.mark, body, { expect: { lastSubjectSequence: last?.seq ?? 0 } });
      this.markedAt = performance.now();
    } catch (error) {
      if (!hasCode(error, JetStreamApiCodes.StreamWrongLastSequence)) throw error;
    }
  }

  /**
   * Whether the stream no longer has, or never had, what this node knew of when it had another look: it was restored, or
   * its newest messages were not yet on disk.
   */
  private async hasLost(
    streams: JetStreamManager['streams'],
    log: OpenLog,
    seen: Seen,
    epoch: string | undefined,
  ): Promise<boolean> {
    if (log.epoch !== epoch) return this.former.has(log.epoch);
    if (log.sequence < seen.sequence) return true;
    if (seen.sequence === 0) return false;
    const message = await streams.getMessage(this.subjects.stream, { seq: seen.sequence });
    // It may have left by retention. If it is there, it is the same, unless its number was given again.
    return message !== null && !isSame(message, seen);
  }
}

function isSame(message: StoredMsg, { time, id }: Seen): boolean {
  return time === undefined ? message.header.get('Nats-Msg-Id') === id : message.time.getTime() === time;
}
