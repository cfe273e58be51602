import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import { millis, type NatsConnection } from '@nats-io/transport-node';
import type { Retention } from '../../contracts/retention.js';
import type { Outage } from '../outage.js';
import { patience, type NatsLink } from './nats-link.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import { configOf, growthOf, keptOf, misfitOf } from './stream-config.js';
import type { Subjects } from './subjects.js';

/** The log as the server has it. */
export interface OpenLog {
  readonly epoch: string;
  /** The sequence behind which the epoch began. */
  readonly start: number;
  /** The sequence of the newest stored message. */
  readonly sequence: number;
  /** How many messages of a subject are kept. */
  readonly kept: number;
}

/** A stream's description holds how often it lost acknowledged messages, and the newest sequence when that was noticed. */
const loss = /^nestjs-push: loss (\d+) noticed at (\d+)$/;

/** A day, in milliseconds: as often a mark is looked for in any case. */
const longestInterval = 86_400_000;

/** What this node believes about the log, shared by all that write and read it. */
export class NatsLog {
  /** As it was last seen; `undefined` before the first time. */
  current: OpenLog | undefined;
  /** The newest message that this node has stored or read in the current epoch, and when the server stored it, if read. */
  private seen = { sequence: 0, time: 0 };
  private opening: Promise<OpenLog> | undefined;
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

  /** Notes that this node knows of a message. A server that does not has lost it. */
  saw(epoch: string, sequence: number, time = 0): void {
    if (epoch !== this.current?.epoch || sequence < this.seen.sequence) return;
    if (sequence > this.seen.sequence || time > 0) this.seen = { sequence, time };
  }

  /** Looks at the stream, and makes it where there is none. Calls that overlap share the answer. */
  open(): Promise<OpenLog> {
    this.opening ??= this.look().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async look(): Promise<OpenLog> {
    const connection = await this.link.up();
    const { streams } = await this.manager(connection);
    const { wanted, seen } = this;
    let info = await this.infoOrCreate(streams);
    const misfit = misfitOf(info.config, wanted);
    if (misfit) {
      const ways = 'Give the backplane another "stream", matching options, or delete the stream.';
      throw new Error(`the stream "${wanted.name}" cannot be the log: ${misfit}. ${ways}`);
    }
    const growth = growthOf(info.config, wanted);
    if (growth) info = await streams.update(wanted.name, growth);
    await this.mark(connection, streams);
    if (await this.hasLost(streams, info, seen)) info = await this.noteLoss(streams, info);
    const log = describe(info);
    if (log.epoch !== this.current?.epoch) this.seen = { sequence: 0, time: 0 };
    this.current = log;
    return log;
  }

  /**
   * Stores a mark, unless there is one that is young enough. Events leave the stream because their topic is full, or
   * because they are old. With marks in it, the oldest message tells what is gone because it was old.
   */
  private async mark(connection: NatsConnection, streams: JetStreamManager['streams']): Promise<void> {
    const { mark, stream } = this.subjects;
    const last = await streams.getMessage(stream, { last_by_subj: mark });
    if (last && Date.now() - last.time.getTime() < this.markInterval) return;
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    // Of several nodes that find the same one too old, the first one stores the next.
    await client.publish(mark, '', { msgID: `k ${last?.seq ?? 0}` });
  }

  private async infoOrCreate(streams: JetStreamManager['streams']): Promise<StreamInfo> {
    try {
      return await streams.info(this.wanted.name);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.StreamNotFound)
        throw error;
      return streams.add(this.wanted);
    }
  }

  /** Whether the stream no longer has, or never had, what this node knows of: it was restored, or not yet on disk. */
  private async hasLost(
    streams: JetStreamManager['streams'],
    info: StreamInfo,
    { sequence, time }: NatsLog['seen'],
  ): Promise<boolean> {
    if (sequence === 0 || describe(info).epoch !== this.current?.epoch) return false;
    if (info.state.last_seq < sequence) return true;
    if (time === 0) return false;
    const message = await streams.getMessage(info.config.name, { seq: sequence });
    // It may have left by retention. If it is there, it is the same, unless its number was given again.
    return message !== null && message.time.getTime() !== time;
  }

  private async noteLoss(streams: JetStreamManager['streams'], info: StreamInfo): Promise<StreamInfo> {
    const losses = Number(loss.exec(info.config.description ?? '')?.[1] ?? 0) + 1;
    this.outage.note(`The stream "${info.config.name}" lost messages that it had acknowledged.`);
    return streams.update(info.config.name, {
      description: `nestjs-push: loss ${losses} noticed at ${info.state.last_seq}`,
    });
  }
}

function describe({ created, config, state }: StreamInfo): OpenLog {
  const born = BigInt(created.replace(/\D/g, '')).toString(36);
  const [, losses, noticedAt] = loss.exec(config.description ?? '') ?? [];
  return {
    epoch: losses === undefined ? born : `${born}_${losses}`,
    start: Number(noticedAt ?? 0),
    sequence: state.last_seq,
    kept: keptOf(config),
  };
}
