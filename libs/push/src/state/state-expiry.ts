import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { ErrorReporter } from '../bus/error-reporter.js';
import { EventBus } from '../bus/event-bus.js';
import { Clock } from '../contracts/clock.js';
import type { Connection } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import type { Batch, LogEvent } from '../contracts/event.js';
import { longestTimer } from '../contracts/option-checks.js';
import type { StateRetention } from '../contracts/retention.js';
import { isRemoval } from '../contracts/state.js';
import { covers } from '../contracts/topic.js';
import { Hub } from '../hub/hub.js';
import type { Cursor } from '../hub/replay/cursor.js';

/** How many states are removed at once; the next ones wait until these are. */
const mostAtOnce = 64;

/** A state that could not be removed is tried again after so many milliseconds. */
const retryDelay = 1_000;

/** States are removed up to so many milliseconds late, different on each node, so that mostly one node does it. */
const mostDelay = 500;

/** A state that is there for a while. */
interface Timed {
  readonly id: string;
  /** On the monotonic clock. */
  readonly due: number;
}

/**
 * Removes the state of topics whose rule has a `ttl`. Every node reads these topics and counts from when it has read a state;
 * `expect` decides which of them removes it, and a state that was published again meanwhile stays.
 */
@Injectable()
export class StateExpiry implements OnModuleInit, OnApplicationShutdown, Connection {
  readonly id = randomUUID();
  /** By rule: all states of a rule have the same time, so that they become due in the order in which they came. */
  private readonly states = new Map<StateRetention, Map<string, Timed>>();
  private readonly delay = Math.random() * mostDelay;
  private cursor: Cursor | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isRemoving = false;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    for (const rule of this.hub.retention.state?.rules ?? []) if (rule.ttl) this.states.set(rule, new Map());
    if (this.states.size > 0) this.read();
  }

  onApplicationShutdown(): void {
    this.cursor?.leave();
    this.cursor = undefined;
    this.clock.cancel(this.timer);
  }

  write({ events }: Batch): boolean {
    for (const event of events) this.note(event);
    this.schedule();
    return true;
  }

  gap({ topics, reset }: { readonly topics: readonly string[]; readonly reset?: true }): boolean {
    if (reset) for (const states of this.states.values()) forget(states, topics);
    return true;
  }

  /** The hub ends it when another log has come: it begins again there. */
  fail(): void {
    setImmediate(() => this.cursor && this.read());
  }

  private read(): void {
    for (const states of this.states.values()) states.clear();
    this.cursor = this.hub.join(this);
    this.cursor.subscribe(
      [...this.states.keys()].map(({ pattern }) => pattern),
      'last',
    );
  }

  private note(event: LogEvent): void {
    const { topic, id } = event;
    const rule = this.hub.retention.of(topic).state;
    const states = rule && this.states.get(rule);
    if (!states) return;
    states.delete(topic);
    if (id !== undefined && !isRemoval(event))
      states.set(topic, { id, due: this.clock.now() + rule.ttl! + this.delay });
  }

  private schedule(): void {
    if (this.isRemoving || !this.cursor) return;
    this.clock.cancel(this.timer);
    let due = Infinity;
    for (const states of this.states.values())
      for (const [, first] of states) {
        due = Math.min(due, first.due);
        break;
      }
    if (due === Infinity) return;
    const delay = Math.max(0, due - this.clock.now());
    this.timer = this.clock.after(Math.min(delay, longestTimer), () => this.removeDue());
  }

  private removeDue(): void {
    const due: [string, Timed][] = [];
    for (const states of this.states.values())
      for (const entry of states) {
        if (due.length === mostAtOnce || entry[1].due > this.clock.now()) break;
        due.push(entry);
      }
    this.isRemoving = true;
    Promise.all(due.map(([topic, { id }]) => this.remove(topic, id)))
      .then((removed) => this.removed(removed.every((isDone) => isDone)))
      .catch((error: unknown) => this.errors.report(error, { stage: 'state' }));
  }

  /** Returns whether it is removed, or another state now. */
  private async remove(topic: string, id: string): Promise<boolean> {
    try {
      await this.bus.remove(topic, { expect: id });
    } catch (error) {
      if (!(error instanceof PushError) || error.code !== 'CONFLICT') return false;
    }
    const rule = this.hub.retention.of(topic).state!;
    const states = this.states.get(rule)!;
    if (states.get(topic)?.id === id) states.delete(topic);
    return true;
  }

  private removed(areAll: boolean): void {
    this.isRemoving = false;
    if (areAll || !this.cursor) return this.schedule();
    // The backplane is away, which others report.
    this.timer = this.clock.after(retryDelay, () => this.schedule());
  }
}

function forget(states: Map<string, Timed>, patterns: readonly string[]): void {
  for (const topic of states.keys())
    if (patterns.some((pattern) => covers(pattern, topic))) states.delete(topic);
}
