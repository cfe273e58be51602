import type { WorkBudget } from '../contracts/connection.js';

/**
 * How much work is done in one turn of the event loop, in units. A unit is one entry of the log that is looked at, or
 * something that costs as much: 0.1 to 1 microsecond.
 */
const unitsPerTurn = 16_384;

/** How much of it one client may do before it is the turn of the others, in units. */
const unitsPerClient = 2_048;

/** How long a turn may take, in milliseconds, even if fewer units were counted. */
const slice = 10;

/** The longest time, in milliseconds, after which the budget of a client that was exhausted is looked at again. */
const maxDelay = 1_000;

/** Work that is done piece by piece, in several turns if need be. */
export interface Task {
  /** What its work is charged to. Tasks with the same budget belong to one client, and share its turn. */
  readonly budget?: WorkBudget;
  /** Continues as long as `Scheduler.mayRun` allows. MUST NOT throw. */
  run(): void;
}

/** The tasks of one client that wait, in order. */
interface ClientQueue {
  readonly tasks: Set<Task>;
  /** Set while the client's budget is exhausted: it has no turn until this fires. */
  delay: NodeJS.Timeout | undefined;
}

/**
 * Shares out the time of the event loop: first live delivery, then the tasks that read the past, client by client in turn. No
 * turn takes longer than a slice, however much is asked for. A client whose budget is exhausted waits; the others do not.
 */
export class Scheduler {
  /** Units that are left of this turn. */
  private left = unitsPerTurn;
  /** Units that each client has used in this turn, since its tasks were last run. */
  private readonly used = new Map<object, number>();
  private readonly queues = new Map<object, ClientQueue>();
  private readonly waiting = new Map<Task, object>();
  private running: Task | undefined;
  /** When the slice of the turn is over that is under way. */
  private deadline = Infinity;
  private scheduled: NodeJS.Immediate | undefined;

  /** @param first is called at the beginning of each turn, before any task */
  constructor(private readonly first: () => void) {}

  /** How many tasks wait for their turn. */
  get size(): number {
    return this.waiting.size;
  }

  /** Whether `task` may do a piece of its work now. If not, it is queued, and run when it is its turn. */
  mayRun(task: Task): boolean {
    const client = task.budget ?? task;
    const isNext = task === this.running || !this.queues.has(client);
    const hasRoom = this.left > 0 && (this.used.get(client) ?? 0) < unitsPerClient && this.hasTime;
    if (isNext && hasRoom && !(task.budget && task.budget.delay > 0)) return true;
    this.add(task);
    return false;
  }

  /** Queues `task`, which is run when it is its turn. */
  add(task: Task): void {
    if (this.waiting.has(task)) return;
    const client = task.budget ?? task;
    this.waiting.set(task, client);
    const queue = this.queues.get(client);
    if (queue) queue.tasks.add(task);
    else this.queues.set(client, { tasks: new Set([task]), delay: undefined });
    this.schedule();
  }

  /** Counts work that was done for `task`, in units, and charges it to its budget. */
  spend(task: Task, units: number): void {
    const client = task.budget ?? task;
    this.left -= units;
    this.used.set(client, (this.used.get(client) ?? 0) + units);
    task.budget?.spend(units);
    this.schedule();
  }

  /** Takes `task` out of the queue. */
  forget(task: Task): void {
    const client = this.waiting.get(task);
    if (!client) return;
    this.waiting.delete(task);
    const queue = this.queues.get(client)!;
    queue.tasks.delete(task);
    if (queue.tasks.size === 0) this.drop(client, queue);
  }

  /** Drops all tasks. */
  stop(): void {
    clearImmediate(this.scheduled);
    for (const queue of this.queues.values()) clearTimeout(queue.delay);
    this.queues.clear();
    this.waiting.clear();
  }

  private schedule(): void {
    this.scheduled ??= setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    this.scheduled = undefined;
    this.first();
    this.left = unitsPerTurn;
    this.used.clear();
    this.deadline = performance.now() + slice;
    let isCutShort = false;
    // A client with more to do is queued again, at the end: so this loop may come to it a second time.
    for (const [client, queue] of this.queues) {
      if (queue.delay) continue;
      isCutShort = this.left <= 0 || !this.hasTime;
      if (isCutShort) break;
      this.serve(client, queue);
    }
    this.deadline = Infinity;
    if (isCutShort) this.schedule();
  };

  private get hasTime(): boolean {
    return this.deadline === Infinity || performance.now() < this.deadline;
  }

  private serve(client: object, queue: ClientQueue): void {
    const [task] = queue.tasks;
    const delay = task!.budget?.delay ?? 0;
    if (delay > 0) {
      queue.delay = setTimeout(() => this.resume(queue), Math.min(delay, maxDelay)).unref();
      return;
    }
    queue.tasks.delete(task!);
    this.waiting.delete(task!);
    this.queues.delete(client);
    if (queue.tasks.size > 0) this.queues.set(client, queue);
    this.used.delete(client);
    this.running = task;
    try {
      task!.run();
    } finally {
      this.running = undefined;
    }
  }

  private resume(queue: ClientQueue): void {
    queue.delay = undefined;
    this.schedule();
  }

  private drop(client: object, queue: ClientQueue): void {
    clearTimeout(queue.delay);
    this.queues.delete(client);
  }
}
