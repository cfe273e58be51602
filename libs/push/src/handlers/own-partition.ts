import { setMaxListeners } from 'node:events';
import type { LogEvent } from '../contracts/event.js';
import { parsePosition, printPosition } from '../contracts/position.js';
import type { Tenure } from './delivery.js';
import { later } from './group-table.js';

/** Handles one event. Returns whether that is done: not if the node has to let go of the partition first. */
export type Handle = (event: LogEvent, tenure: Tenure) => Promise<boolean>;

interface Item {
  readonly event: LogEvent;
  readonly handle: Handle;
  /** Its event is one of the log's that has not been handled yet. */
  readonly isNext: boolean;
}

/**
 * A partition that this node has. Each topic is a lane: its events are handled one after the other, and those of other topics
 * meanwhile.
 */
export class OwnPartition {
  private readonly lanes = new Map<string, Item[]>();
  /** The sequences of events that were read and are not done, in log order. */
  private readonly unfinished = new Set<number>();
  private readonly running = new Set<Promise<void>>();
  private readonly closing = new AbortController();
  private readonly closed = new Promise<void>((resolve) => {
    this.closing.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  private readonly lost = new AbortController();
  private readonly replaying = new Set<string>();
  private epoch: string;
  /** How far it has read. */
  private sequence: number;
  /** Whether the group is read from where it begins, so that it is given all that is read. */
  isBegun = false;
  /** How far the group was read when this partition was closed: it was given nothing after that. */
  private end: string | undefined;

  /**
   * @param claim the id of the event by which this node owns it
   * @param position the id up to which everything is done
   * @param onDone called when an event is done
   */
  constructor(
    readonly claim: string,
    position: string,
    private readonly handle: Handle,
    private readonly onDone: () => void,
  ) {
    ({ epoch: this.epoch, sequence: this.sequence } = parsePosition(position)!);
    // Every event that is being handled listens to them, until it is done.
    setMaxListeners(0, this.closing.signal, this.lost.signal);
  }

  /** Whether nothing is being handled, replays included. */
  get isIdle(): boolean {
    return this.lanes.size === 0;
  }

  /** How many events were read and are not done. */
  get size(): number {
    return this.unfinished.size;
  }

  /** The id up to which everything is done. @param read the id up to which the group was read */
  position(read: string | undefined): string {
    const { epoch, sequence } = this;
    for (const oldest of this.unfinished) return printPosition({ epoch, sequence: oldest - 1 });
    const own = printPosition({ epoch, sequence });
    const given = this.isClosing ? this.end : read;
    return given === undefined || !this.isBegun ? own : later(own, given);
  }

  /** Whether it takes no more events. */
  get isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  /** Takes the next event of the log. One that it has had is left out. */
  take(event: LogEvent): void {
    const isKnown = event.epoch === this.epoch && event.sequence <= this.sequence;
    if (isKnown || this.isClosing) return;
    ({ epoch: this.epoch, sequence: this.sequence } = event);
    this.unfinished.add(event.sequence);
    this.add({ event, handle: this.handle, isNext: true });
  }

  /**
   * Handles an event of the past once more, in its turn among those of its topic.
   *
   * @param request the id of the event that asks for it. One that it is told of twice is done once
   */
  again(request: string, event: LogEvent, handle: Handle): void {
    if (this.isClosing || this.replaying.has(request)) return;
    this.replaying.add(request);
    const once: Handle = async (...args) => {
      try {
        return await handle(...args);
      } finally {
        this.replaying.delete(request);
      }
    };
    this.add({ event, handle: once, isNext: false });
  }

  /**
   * Takes no more events, and begins no more attempts. Resolves when what runs has finished.
   *
   * @param read the id up to which the group was read
   */
  async close(read: string | undefined): Promise<void> {
    if (!this.isClosing) {
      this.end = read;
      this.closing.abort();
    }
    await Promise.all(this.running);
  }

  /** Other nodes may handle its events now: what runs is told to stop. */
  lose(): void {
    this.closing.abort();
    this.lost.abort();
  }

  private add(item: Item): void {
    const { topic } = item.event;
    const lane = this.lanes.get(topic);
    if (lane) {
      lane.push(item);
      return;
    }
    const items = [item];
    this.lanes.set(topic, items);
    const run = this.run(topic, items).finally(() => this.running.delete(run));
    this.running.add(run);
  }

  private async run(topic: string, items: Item[]): Promise<void> {
    const tenure: Tenure = { closing: this.closing.signal, closed: this.closed, lost: this.lost.signal };
    for (let item = items[0]; item; item = items[0]) {
      const { event, handle, isNext } = item;
      if (!(await handle(event, tenure))) return;
      items.shift();
      if (isNext) this.unfinished.delete(event.sequence);
      this.onDone();
    }
    this.lanes.delete(topic);
  }
}
