import type { WorkBudget } from '../contracts/connection.js';

/**
 * How much work one turn of the event loop has room for, and how much of it a client may do before the others have theirs.
 * A unit is an entry of the log that is looked at, or something that costs as much: a tenth of a microsecond to a whole one.
 */
const turnUnits = 16_384;
const quantum = 2_048;

/** However little was counted, a turn ends after so many milliseconds. */
const slice = 10;

/** Longest time, in milliseconds, until a client whose budget is exhausted is looked at again. */
const longestDelay = 1_000;

/** Work that goes on until it is done, a piece at a time. */
export interface Task {
  /** What its work is charged to. Tasks with the same budget are one client's, and share its turn. */
  readonly budget?: WorkBudget;
  /** Goes on as long as `Scheduler.mayRun` allows. MUST NOT throw. */
  run(): void;
}

/** The tasks of a client that wait for its turn, in order. */
interface Line {
  readonly tasks: Set<Task>;
  /** Its budget is exhausted: it has no turn until then. */
  delay: NodeJS.Timeout | undefined;
}

/**
 * Shares out the time of the event loop: live delivery first, then those who read the past, round robin by client. However
 * much they ask for, no turn takes longer than a slice; a client whose budget is exhausted waits, and the others go on.
 */
export class Scheduler {
  private left = turnUnits;
  /** What clients have done in this turn, each since it was last its turn. */
  private readonly used = new Map<object, number>();
  private readonly lines = new Map<object, Line>();
  private readonly waiting = new Map<Task, object>();
  private running: Task | undefined;
  private scheduled: NodeJS.Immediate | undefined;

  /** @param first what has precedence in each turn */
  constructor(private readonly first: () => void) {}

  /** Number of tasks that wait for a turn. */
  get size(): number {
    return this.waiting.size;
  }

  /** Whether `task` may do a piece of its work now. If not, it is run when it is its turn. */
  mayRun(task: Task): boolean {
    const client = task.budget ?? task;
    const isNext = task === this.running || !this.lines.has(client);
    const hasRoom = this.left > 0 && (this.used.get(client) ?? 0) < quantum;
    if (isNext && hasRoom && !(task.budget && task.budget.delay > 0)) return true;
    this.add(task);
    return false;
  }

  /** Lets `task` run when it is its turn. */
  add(task: Task): void {
    if (this.waiting.has(task)) return;
    const client = task.budget ?? task;
    this.waiting.set(task, client);
    const line = this.lines.get(client);
    if (line) line.tasks.add(task);
    else this.lines.set(client, { tasks: new Set([task]), delay: undefined });
    this.schedule();
  }

  /** Counts work that was done for `task`. */
  spend(task: Task, units: number): void {
    const client = task.budget ?? task;
    this.left -= units;
    this.used.set(client, (this.used.get(client) ?? 0) + units);
    task.budget?.spend(units);
    this.schedule();
  }

  /** The task does not want to run any more. */
  forget(task: Task): void {
    const client = this.waiting.get(task);
    if (!client) return;
    this.waiting.delete(task);
    const line = this.lines.get(client)!;
    line.tasks.delete(task);
    if (line.tasks.size === 0) this.drop(client, line);
  }

  /** Nothing is run any more. */
  stop(): void {
    clearImmediate(this.scheduled);
    for (const line of this.lines.values()) clearTimeout(line.delay);
    this.lines.clear();
    this.waiting.clear();
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    this.first();
    this.left = turnUnits;
    this.used.clear();
    const deadline = performance.now() + slice;
    let isWanted = false;
    // A client that wants to go on comes again at the end.
    for (const [client, line] of this.lines) {
      if (line.delay) continue;
      isWanted = this.left <= 0 || performance.now() >= deadline;
      if (isWanted) break;
      this.serve(client, line);
    }
    if (isWanted) this.schedule();
  };

  private serve(client: object, line: Line): void {
    const [task] = line.tasks;
    const delay = task!.budget?.delay ?? 0;
    if (delay > 0) {
      line.delay = setTimeout(() => this.comeBack(line), Math.min(delay, longestDelay)).unref();
      return;
    }
    line.tasks.delete(task!);
    this.waiting.delete(task!);
    this.lines.delete(client);
    if (line.tasks.size > 0) this.lines.set(client, line);
    this.used.delete(client);
    this.running = task;
    try {
      task!.run();
    } finally {
      this.running = undefined;
    }
  }

  private comeBack(line: Line): void {
    line.delay = undefined;
    this.schedule();
  }

  private drop(client: object, line: Line): void {
    clearTimeout(line.delay);
    this.lines.delete(client);
  }
}
