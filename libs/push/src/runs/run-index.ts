import type { LogEvent } from '../contracts/event.js';
import { isRemoval } from '../contracts/state.js';
import { ownerOf } from '../state/ownership.js';
import type { RunningRun } from './run.js';
import { runningOf } from './run-events.js';

/** A run that runs, as the log has it. */
export interface RunEntry {
  /** The id of its newest event. */
  readonly eventId: string;
  readonly owner: string;
  readonly run: RunningRun;
}

const nothing: ReadonlySet<string> = new Set();

/** All runs that run, on all nodes, as far as this node has read. */
export class RunIndex {
  /** By the topic of the run's state. */
  private readonly entries = new Map<string, RunEntry>();
  private readonly owned = new Map<string, Set<string>>();

  /** @param topic of the run's state */
  entry(topic: string): RunEntry | undefined {
    return this.entries.get(topic);
  }

  all(): IterableIterator<RunEntry> {
    return this.entries.values();
  }

  /** The topics of the states that an incarnation owns. */
  ownedBy(incarnation: string): ReadonlySet<string> {
    return this.owned.get(incarnation) ?? nothing;
  }

  /** Takes the next event of the state of a run. */
  take(event: LogEvent): void {
    const { topic, id } = event;
    const former = this.entries.get(topic);
    if (former) this.disown(former.owner, topic);
    const owner = isRemoval(event) ? undefined : ownerOf(event);
    if (owner === undefined || id === undefined) {
      this.entries.delete(topic);
      return;
    }
    this.entries.set(topic, { eventId: id, owner, run: runningOf(event) });
    const topics = this.owned.get(owner);
    if (topics) topics.add(topic);
    else this.owned.set(owner, new Set([topic]));
  }

  private disown(owner: string, topic: string): void {
    const topics = this.owned.get(owner)!;
    topics.delete(topic);
    if (topics.size === 0) this.owned.delete(owner);
  }
}
