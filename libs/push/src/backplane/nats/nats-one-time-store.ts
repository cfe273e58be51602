import { JetStreamApiCodes, jetstream, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import type { OneTimeStore } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import { hasCode } from './api-error.js';
import { patience, type NatsLink } from './nats-link.js';
import type { NatsLog } from './nats-log.js';
import type { NatsBackplaneOptions } from './nats.options.js';

/** How long the stream keeps values at least, in milliseconds. */
const shortestAge = 3_600_000;

/** A value: how long it is good for, in milliseconds, and what it is. What was taken is empty. */
const stored = /^(\d+)\n([^]*)$/;

/**
 * One-time values in a stream of their own, which keeps one message of each key. Taking one replaces it, on condition that
 * it is still there: of all that try, the server lets one. It also stamps both, so that no node's clock counts.
 */
export class NatsOneTimeStore implements OneTimeStore {
  private readonly stream: string;
  /** How long values can be kept, as far as this node knows; 0 before it has looked. */
  private age = 0;
  /** Whether this node knows that the stream has had a message. */
  private isFilled = false;

  constructor(
    private readonly link: NatsLink,
    private readonly log: NatsLog,
    stream: string,
    private readonly options: NatsBackplaneOptions,
  ) {
    this.stream = `${stream}_once`;
  }

  put(key: string, value: string, milliseconds: number): Promise<void> {
    return this.run(async (connection, manager) => {
      if (this.age < milliseconds) await this.prepare(manager, milliseconds);
      await this.publish(connection, key, `${Math.ceil(milliseconds)}\n${value}`);
    });
  }

  take(key: string): Promise<string | undefined> {
    return this.run(async (connection, manager) => {
      if (await this.isEmpty(manager)) return undefined;
      const last = await this.last(manager, { last_by_subj: this.subjectOf(key) });
      const [, milliseconds, value] = stored.exec(last?.string() ?? '') ?? [];
      if (!last || value === undefined) return undefined;
      const seq = await this.replace(connection, key, last.seq);
      if (seq === undefined) return undefined;
      const taken = await this.last(manager, { seq });
      const age = (taken?.time.getTime() ?? Infinity) - last.time.getTime();
      return age < Number(milliseconds) ? value : undefined;
    });
  }

  /** Makes the stream, or lets it keep values for longer. */
  private async prepare({ streams }: JetStreamManager, milliseconds: number): Promise<void> {
    const max_age = nanos(Math.max(shortestAge, milliseconds));
    try {
      const { config } = await streams.info(this.stream);
      if (config.max_age < max_age) await streams.update(this.stream, { max_age });
    } catch (error) {
      if (!hasCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
      await streams.add({
        name: this.stream,
        subjects: [`${this.stream}.*`],
        storage: this.options.storage ?? 'file',
        num_replicas: this.options.replicas ?? 1,
        max_msgs_per_subject: 1,
        max_age,
      });
    }
    this.age = milliseconds;
  }

  /** Whether there is no message, nor a stream. NATS 2.9.10 dies of a request for a message of a stream that it is still creating. */
  private async isEmpty({ streams }: JetStreamManager): Promise<boolean> {
    if (this.isFilled) return false;
    try {
      this.isFilled = (await streams.info(this.stream)).state.last_seq > 0;
    } catch (error) {
      if (!hasCode(error, JetStreamApiCodes.StreamNotFound)) throw error;
    }
    return !this.isFilled;
  }

  /** The message, if it and the stream exist. */
  private async last(
    { streams }: JetStreamManager,
    query: Parameters<JetStreamManager['streams']['getMessage']>[1],
  ): Promise<StoredMsg | null> {
    try {
      return await streams.getMessage(this.stream, query);
    } catch (error) {
      if (hasCode(error, JetStreamApiCodes.StreamNotFound)) return null;
      throw error;
    }
  }

  /** Replaces a value by nothing. Returns the sequence of that, or `undefined` if somebody else was faster. */
  private async replace(connection: NatsConnection, key: string, seq: number): Promise<number | undefined> {
    try {
      return await this.publish(connection, key, '', seq);
    } catch (error) {
      if (hasCode(error, JetStreamApiCodes.StreamWrongLastSequence)) return undefined;
      throw error;
    }
  }

  private async publish(
    connection: NatsConnection,
    key: string,
    body: string,
    lastSubjectSequence?: number,
  ): Promise<number> {
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    const { seq } = await client.publish(this.subjectOf(key), body, { expect: { lastSubjectSequence } });
    return seq;
  }

  private subjectOf(key: string): string {
    return `${this.stream}.${Buffer.from(key).toString('base64url')}`;
  }

  private async run<T>(
    work: (connection: NatsConnection, manager: JetStreamManager) => Promise<T>,
  ): Promise<T> {
    try {
      const connection = await this.link.up();
      return await this.link.unlessDown(work(connection, await this.log.manager(connection)));
    } catch (cause) {
      // The stream may be gone with what the server kept: it is looked for again.
      this.age = 0;
      this.isFilled = false;
      throw new PushError('UNAVAILABLE', 'NATS did not answer. Try again later.', { cause });
    }
  }
}
