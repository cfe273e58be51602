import { backoff } from '../../contracts/backoff.js';
import { noTopic } from './delivery-probe.js';
import type { LogEvent } from '../../contracts/event.js';
import { readBody } from './event-body.js';
import type { LogNode } from './log-node.js';
import type { OpenLog, SharedLog } from './shared-log.js';
import type { Signals } from './signals.js';

/** Tails the log: one reader for a node, whatever the number of clients. */
export abstract class LogReader<Log extends OpenLog = OpenLog> {
  /** The epoch that it reads; `undefined` before the first one. */
  protected epoch: string | undefined;
  /** The sequence of the last entry that it has read. */
  protected last = 0;

  constructor(
    protected readonly node: LogNode,
    protected readonly log: SharedLog<Log>,
  ) {}

  /**
   * Reads the entries after `last`, in order: it calls `take` for each event and probe, `reach` for other entries, and
   * `skip` for entries that are gone. It awaits `node.tail.congested()` between reads, and calls `worked` whenever the
   * server has answered.
   *
   * It resolves when the log has to be looked at again, which SHOULD be once in a few seconds while nothing comes. It
   * rejects if it cannot read on. After either it is called again.
   *
   * @param log the log as it was before this call
   */
  protected abstract follow(log: Log): Promise<void>;

  /**
   * Reads until the node's signal is aborted. The tail is told of the log only when this node hears what the other nodes
   * send: it must not miss that a user's rights were revoked.
   */
  async run(signals: Signals, onOpen: () => void): Promise<void> {
    const { outage, signal } = this.node;
    for (let attempt = 1; !signal.aborted; attempt++) {
      let before = Infinity;
      try {
        await signals.listening();
        const log = await this.log.open();
        if (log.epoch !== this.epoch) this.begin(log.epoch, this.epoch ? log.start : log.sequence);
        onOpen();
        before = this.last;
        await this.follow(log);
        attempt = 0;
      } catch (error) {
        if (!signal.aborted) outage.failed('reading', error);
        if (this.last > before) attempt = 0;
        await backoff(attempt, signal);
      }
    }
  }

  /** Notes that the server has answered. */
  protected worked(): void {
    this.node.outage.worked('reading');
  }

  /**
   * Reads on in another epoch, after `sequence`.
   *
   * `run` calls it; a reader calls it where the log itself says that an epoch begins.
   */
  protected begin(epoch: string, sequence: number): void {
    const { tail, probe, outage } = this.node;
    if (this.epoch !== undefined) {
      const why = 'The server was emptied or restored, or lost events that it had acknowledged';
      outage.note(
        `Another log has begun (${epoch}). ${why}. Clients are told that they may have missed events.`,
      );
    }
    this.epoch = epoch;
    this.last = sequence;
    this.log.told = epoch;
    tail.open({ epoch, sequence });
    probe.reads();
  }

  /**
   * Delivers the entry at `sequence`: what an appender stored under `topic`, with the body that `writeBody` made. Returns the
   * event, if it is one.
   */
  protected take(sequence: number, topic: string, body: string): LogEvent | undefined {
    const event = readBody(this.epoch!, sequence, topic, body);
    if (topic === noTopic) {
      this.reach(sequence);
      this.node.probe.seen(event.data);
      return undefined;
    }
    this.deliver(event);
    return event;
  }

  /** Delivers an event of this epoch that this node has without reading it, because it has stored it. */
  protected deliver(event: LogEvent): void {
    this.last = event.sequence;
    this.node.tail.deliver(event);
  }

  /** Passes an entry that is no event. */
  protected reach(sequence: number): void {
    this.last = sequence;
    this.node.tail.reach(sequence);
  }

  /**
   * Goes on after `sequence`, because the entries up to there are gone. Does nothing if they were read.
   *
   * @param advice what an operator can do about it
   */
  protected skip(sequence: number, advice = ''): void {
    if (sequence <= this.last) return;
    this.node.outage.note(
      `Events up to ${sequence} left the server before this node read them. ${advice}`.trimEnd(),
    );
    this.last = sequence;
    this.node.tail.skip(sequence);
  }
}
