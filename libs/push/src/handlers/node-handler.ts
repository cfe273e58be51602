import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Connection, GapNotice } from '../contracts/connection.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import type { Hub } from '../hub/hub.js';
import type { Cursor } from '../hub/replay/cursor.js';
import { RunningCalls } from '../bus/running-calls.js';
import { callHandler } from './handler-call.js';
import { gapError } from './gap-error.js';
import type { HandlerMethod } from './handler-methods.js';

/** Reads the log of this node for a method without a group, from now on, and calls it with each event as it comes. */
export class NodeHandler implements Connection {
  readonly id = randomUUID();
  readonly isInternal = true;
  private cursor: Cursor | undefined;
  /** Calls that have not settled. The method decides how many there are at once: an event is not held back for another. */
  private readonly running: RunningCalls;
  private readonly stopping = new AbortController();

  constructor(
    private readonly hub: Hub,
    private readonly method: HandlerMethod,
    private readonly report: (error: unknown) => void,
  ) {
    // Every call gets this signal, and there may be any number of calls.
    setMaxListeners(0, this.stopping.signal);
    this.running = new RunningCalls(report);
  }

  /** Whether no call runs. */
  get isIdle(): boolean {
    return this.running.size === 0;
  }

  start(): void {
    this.cursor = this.hub.join(this);
    this.cursor.subscribe([this.method.declared.pattern.wide], 'now');
  }

  /** Reads no more. Resolves when all calls have settled. */
  async stop(): Promise<void> {
    this.cursor?.leave();
    this.cursor = undefined;
    await this.running.settled();
  }

  /** Tells the calls that still run that nobody waits for them. */
  abort(): void {
    this.stopping.abort();
  }

  write({ events }: Batch): boolean {
    for (const event of events) if (this.method.wants(event.topic)) this.running.add(this.handle(event));
    return true;
  }

  gap(notice: GapNotice): boolean {
    const { gap, name } = this.method;
    if (gap) this.running.add(Promise.resolve().then(() => gap(notice)));
    else this.report(gapError(name, notice));
    return true;
  }

  fail(error: unknown): void {
    this.report(error);
  }

  private async handle(event: LogEvent): Promise<void> {
    const { counts } = this.method;
    try {
      await callHandler(this.method, event, this.hub.tracer, { attempt: 1, signal: this.stopping.signal });
      counts.handled++;
    } catch (error) {
      counts.failed++;
      throw error;
    }
  }
}
