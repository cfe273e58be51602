import { PushError } from '../../contracts/errors.js';
import type { Snapshot, SnapshotReader, SnapshotSource } from '../../contracts/snapshot.js';

/** The most that several snapshots may have together, in characters of JSON: they wait in memory for each other. */
const mostTogether = 1024 * 1024;

const tooMuch = 'The states of these topics are too large together. Subscribe to fewer at once.';

/** The snapshots of some topics, which are loaded for one connection: all of them, or none. */
export class SnapshotLoad {
  /** What has been loaded. */
  readonly snapshots: Snapshot[] = [];
  /** Why they could not be loaded. */
  error: PushError | undefined;
  private readonly loading = new Map<string, () => void>();
  private isCancelled = false;
  private size = 0;

  /**
   * @param since where they have to be, at least
   * @param done is called once: when all are there, or one has failed
   */
  constructor(
    source: SnapshotSource,
    reader: SnapshotReader,
    readonly topics: readonly string[],
    since: number,
    private readonly done: () => void,
  ) {
    for (const topic of topics) {
      const cancel = source.load(topic, reader, since, (result) => this.take(topic, result));
      this.loading.set(topic, cancel);
    }
  }

  /** Whether there is nothing to wait for any more. */
  get isDone(): boolean {
    return this.loading.size === 0 && !this.isCancelled;
  }

  /** Gives up one topic. Nothing is called. */
  delete(topic: string): void {
    this.loading.get(topic)?.();
    this.loading.delete(topic);
  }

  /** Gives up all of them. Idempotent. */
  cancel(): void {
    this.isCancelled = true;
    this.giveUp();
  }

  private take(topic: string, result: Snapshot | PushError): void {
    this.loading.delete(topic);
    if (result instanceof PushError) {
      this.error = result;
      this.giveUp();
    } else if (this.isTooMuch(result)) {
      this.error = new PushError('SNAPSHOT_FAILED', tooMuch, { retryable: false });
      this.giveUp();
    } else this.snapshots.push(result);
    if (this.loading.size === 0) this.done();
  }

  private isTooMuch({ event }: Snapshot): boolean {
    this.size += event.data.length;
    return this.snapshots.length > 0 && this.size > mostTogether;
  }

  private giveUp(): void {
    for (const cancel of this.loading.values()) cancel();
    this.loading.clear();
  }
}
