import {
  JetStreamApiCodes,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  type StoredMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogNode } from '../kit/log-node.js';
import { SharedLog, type KnownEntry, type OpenLog } from '../kit/shared-log.js';
import { hasCode } from './api-error.js';
import { patience, type NatsLink } from './nats-link.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import {
  descriptionOf,
  epochOf,
  epochOfMark,
  isCreated,
  nextEpoch,
  repetitionOf,
  streamOf,
  type StreamEpoch,
} from './stream-epoch.js';
import { ageOf, comparesTogether, configOf, growthOf, keptOf, misfitOf, raceIn } from './stream-config.js';
import type { Subjects } from './subjects.js';

/** The log as the server has it. */
export interface NatsOpenLog extends OpenLog {
  /** How many messages of a subject are kept. */
  readonly kept: number;
  /** On how many servers the stream is. */
  readonly replicas: number;
}

/** A mark is stored once in this time in any case, in milliseconds: a day. */
const longestInterval = 86_400_000;

/**
 * How long a stream has to be gone from a running server before the node creates it again, in milliseconds. A server says
 * that a stream is gone while it still deletes it (2.9.10 does), and would delete files of the new one.
 */
const absence = 3_000;

/** How long a node waits for a server that is still creating the stream, in milliseconds, before it looks again. */
const creation = 50;

/** How often a node looks at the log again because another node has changed it meanwhile. */
const mostLooks = 10;

/** The log in a JetStream stream: creates it, and notices that messages were lost. */
export class NatsLog extends SharedLog<NatsOpenLog> {
  /** Since when a stream that was there is gone, on the monotonic clock. */
  private goneSince: number | undefined;
  /** Called when the stream was replaced. The server does not tell its consumers. */
  onAnotherStream: () => void = () => undefined;
  /** The generation of the connection when the node looked last. */
  private generation = 0;
  private isRaceNoted = false;
  /** The generation of the connection when the stream was last there. */
  private foundIn = 0;
  /** When this node last learned of a new mark, on the monotonic clock. */
  private markedAt = -Infinity;
  private readonly wanted: ReturnType<typeof configOf>;
  /** How long the log remembers what topics no longer promise, in milliseconds. */
  readonly age: number;
  /** How old the newest mark may become, in milliseconds. */
  readonly markInterval: number;

  constructor(
    private readonly node: LogNode,
    private readonly link: NatsLink,
    private readonly subjects: Subjects,
    private readonly options: NatsBackplaneOptions,
  ) {
    super();
    this.wanted = configOf(options, subjects, node.retention);
    this.age = ageOf(options, node.retention.largest);
    const kept = this.wanted.max_msgs_per_subject;
    this.markInterval = Math.min(this.age / Math.min(kept, 100), longestInterval);
  }

  /** The JetStream API on a connection. */
  async manager(connection: NatsConnection): Promise<JetStreamManager> {
    return jetstreamManager(connection, { timeout: patience, checkAPI: false, ...this.options.jetstream });
  }

  /** Looks at the log now and then, which stores a mark if one is due, until the node's signal is aborted. */
  async keepMarked(): Promise<void> {
    const { signal } = this.node;
    while (!signal.aborted) {
      await delay(this.markInterval, undefined, { signal, ref: false }).catch(() => undefined);
      // The reader reports what goes wrong.
      if (!signal.aborted) await this.open().catch(() => undefined);
    }
  }

  /** Notes that a mark was read. Returns the epoch that it names, if that is not `epoch`, the reader's. */
  readMark(epoch: string, body: string, sequence: number): StreamEpoch | undefined {
    this.markedAt = performance.now();
    const marked = epochOfMark(body, sequence);
    if (!marked || marked.epoch === epoch) return undefined;
    if (this.current && marked.start > this.current.start) this.believe({ ...this.current, ...marked });
    return marked;
  }

  /** Something failed: `known` will look again. */
  doubt(): void {
    this.generation = 0;
  }

  /** Whether the node has looked since the connection came up: a server that comes back may have lost events. */
  get isChecked(): boolean {
    return this.generation === this.link.generation;
  }

  /** The log, as it was when the node looked after the connection came up. */
  async checked(): Promise<NatsOpenLog> {
    return this.current && this.isChecked ? this.current : this.open();
  }

  protected async look(): Promise<NatsOpenLog> {
    const connection = await this.link.up();
    const { generation } = this.link;
    const { streams } = await this.manager(connection);
    for (let looks = 0; looks < mostLooks; looks++) {
      // Taken before the server answers: this node may read newer messages while it does.
      const { known, current } = this;
      const info = await this.fittingStream(streams, connection.info?.version ?? '');
      const mark = await this.newestMark(streams, info);
      const log = await this.describe(streams, info, mark);
      if (await this.hasLost(streams, log, known, current?.epoch)) {
        this.node.outage.note(`The stream "${info.config.name}" lost messages that it had acknowledged.`);
        await this.mark(connection, mark, nextEpoch(log.epoch));
      } else {
        const isMarked = performance.now() - this.markedAt < this.markInterval;
        if (!isMarked) await this.mark(connection, mark, repetitionOf(log));
        this.generation = generation;
        return log;
      }
    }
    throw new Error('other nodes change the log all the time');
  }

  protected override believe(log: NatsOpenLog): NatsOpenLog {
    const before = this.current?.epoch;
    super.believe(log);
    if (before !== undefined && streamOf(before) !== streamOf(log.epoch)) this.onAnotherStream();
    return log;
  }

  private async fittingStream(streams: JetStreamManager['streams'], version: string): Promise<StreamInfo> {
    const { wanted } = this;
    const info = await this.createdStream(streams);
    const { state, hasEnds } = this.node.retention;
    const race = comparesTogether(version, info.config) ? undefined : raceIn(version, info.config);
    const misfit = misfitOf(info.config, wanted, state !== undefined) ?? (hasEnds ? race : undefined);
    if (race && state && !this.isRaceNoted) this.node.outage.note(`State topics can lose updates: ${race}.`);
    this.isRaceNoted = race !== undefined;
    if (misfit) {
      const ways = 'Give the backplane another "stream", matching options, or delete the stream.';
      throw new Error(`the stream "${wanted.name}" cannot be the log: ${misfit}. ${ways}`);
    }
    const growth = growthOf(info.config, wanted);
    return growth ? streams.update(wanted.name, growth) : info;
  }

  /** The stream, once the server has finished creating it. */
  private async createdStream(streams: JetStreamManager['streams']): Promise<StreamInfo> {
    for (let looks = 0; looks < mostLooks; looks++) {
      const info = await this.infoOrCreate(streams);
      if (isCreated(info)) return info;
      await delay(creation, undefined, { signal: this.node.signal });
    }
    throw new Error(`the server is still creating the stream "${this.wanted.name}"`);
  }

  private async infoOrCreate(streams: JetStreamManager['streams']): Promise<StreamInfo> {
    try {
      return this.found(await streams.info(this.wanted.name));
    } catch (error) {
      if (!hasCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
      this.goneSince ??= performance.now();
      const isDeleted = this.foundIn === this.link.generation;
      if (isDeleted && performance.now() - this.goneSince < absence)
        throw new Error(`the stream "${this.wanted.name}" is gone, and will be created again`, {
          cause: error,
        });
      return this.found(await streams.add(this.wanted));
    }
  }

  private found(info: StreamInfo): StreamInfo {
    this.goneSince = undefined;
    this.foundIn = this.link.generation;
    return info;
  }

  /**
   * The newest mark; `null` if there is none. An empty stream is not asked: NATS 2.9.10 dies of a request for a message of a
   * stream that it is still creating for another node.
   */
  private async newestMark(
    streams: JetStreamManager['streams'],
    { config, state }: StreamInfo,
  ): Promise<StoredMsg | null> {
    return state.last_seq === 0
      ? null
      : streams.getMessage(config.name, { last_by_subj: this.subjects.mark });
  }

  /** What the stream holds. It corrects the description, if the node that began the epoch did not come to that. */
  private async describe(
    streams: JetStreamManager['streams'],
    info: StreamInfo,
    mark: StoredMsg | null,
  ): Promise<NatsOpenLog> {
    const described = epochOf(info);
    const marked = mark ? epochOfMark(mark.string(), mark.seq) : undefined;
    const rest = {
      sequence: info.state.last_seq,
      kept: keptOf(info.config),
      replicas: info.config.num_replicas,
    };
    if (!marked || marked.start <= described.start) return { ...described, ...rest };
    await streams.update(info.config.name, { description: descriptionOf(marked) });
    return { ...marked, ...rest };
  }

  /**
   * Stores a mark. Events leave the stream because their topic is full, or because they are old. With marks in it, the
   * stream's oldest message tells which events are gone because they were old. If several nodes mark at once, one succeeds.
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
   * Whether the stream does not have the newest message that this node knew of: it was restored, or its newest messages
   * were not yet on disk.
   */
  private async hasLost(
    streams: JetStreamManager['streams'],
    log: NatsOpenLog,
    known: KnownEntry,
    epoch: string | undefined,
  ): Promise<boolean> {
    if (log.epoch !== epoch) return this.former.has(log.epoch);
    if (log.sequence < known.sequence) return true;
    if (known.sequence === 0) return false;
    const message = await streams.getMessage(this.subjects.stream, { seq: known.sequence });
    // Retention may have removed it. If it is there and differs, its sequence was used again.
    return message !== null && !isSame(message, known);
  }
}

function isSame(message: StoredMsg, { time, id }: KnownEntry): boolean {
  return time === undefined ? message.header.get('Nats-Msg-Id') === id : message.time.getTime() === time;
}
