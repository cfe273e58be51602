import type { Position } from '../../contracts/position.js';

/** The log as the server has it. */
export interface OpenLog extends Position {
  /** The sequence after which the epoch began; 0 for the first epoch. */
  readonly start: number;
}

/** The newest entry that a node knows of. */
export interface KnownEntry {
  readonly sequence: number;
  /** When the server stored it, in milliseconds of its clock, if this node has read it. */
  readonly time?: number;
  /** The id that this node stored it with. */
  readonly id?: string;
}

const noEntry: KnownEntry = { sequence: 0 };

/** How many former epochs a node remembers. */
const mostFormer = 100;

/**
 * What one node believes about the log. Its appender, reader and history share it.
 *
 * @typeParam Log what `look` finds out
 */
export abstract class SharedLog<Log extends OpenLog = OpenLog> {
  /** The log as it was when the node looked last; `undefined` before the first time. */
  current: Log | undefined;
  /** The epoch that the tail was told last. */
  told: string | undefined;
  /** The newest entry of the current epoch that this node has read or stored. A server that does not have it lost it. */
  protected known = noEntry;
  /** Epochs that have ended, oldest first, and the sequence after which each began. */
  protected readonly former = new Map<string, number>();
  private opening: Promise<Log> | undefined;

  /**
   * Looks at the log on the server, and creates it if there is none.
   *
   * It MUST return another epoch if the server is not the continuation of `current`: if it was emptied or restored, or if
   * it does not have the entry `known`. `start` is then the sequence after which the new epoch begins.
   *
   * It MUST reject if the server cannot be reached.
   */
  protected abstract look(): Promise<Log>;

  /** Looks at the log. Calls that overlap share one answer. */
  open(): Promise<Log> {
    this.opening ??= this.look()
      .then((log) => this.believe(log))
      .finally(() => (this.opening = undefined));
    return this.opening;
  }

  /** As `open`, but the answer is never older than the call. */
  async openAfresh(): Promise<Log> {
    await this.opening?.catch(() => undefined);
    return this.open();
  }

  /**
   * The log, for a history.
   *
   * @throws Error if the tail was not told of this epoch yet; `History.page` MUST reject then
   */
  opened(): Log {
    if (!this.current || this.current.epoch !== this.told) throw new Error('The log is not open yet.');
    return this.current;
  }

  /** Notes that this node has read or stored an entry. */
  saw(epoch: string, entry: KnownEntry): void {
    if (epoch === this.current?.epoch && entry.sequence >= this.known.sequence) this.known = entry;
  }

  /** The sequence of the newest entry that this node knows of in `epoch`; 0 if it knows none. */
  newestIn(epoch: string | undefined): number {
    return epoch === this.current?.epoch ? this.known.sequence : 0;
  }

  /**
   * The epoch that readers deliver the entry at `sequence` in. What was stored before another log began keeps the id that it
   * was delivered with, though its publisher hears of it afterwards. The log MUST have been looked at.
   */
  epochAt(sequence: number): string {
    const { epoch, start } = this.current!;
    if (sequence > start) return epoch;
    const before = [...this.former].reverse().find(([, began]) => sequence > began);
    return before?.[0] ?? epoch;
  }

  /** Makes `log` the current one. */
  protected believe(log: Log): Log {
    if (this.current && log.epoch !== this.current.epoch) this.end(this.current);
    this.current = log;
    return log;
  }

  private end({ epoch, start }: Log): void {
    this.known = noEntry;
    this.former.delete(epoch);
    this.former.set(epoch, start);
    if (this.former.size > mostFormer) this.former.delete([...this.former.keys()][0]!);
  }
}
