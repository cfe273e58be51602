import type { Backplane, Tail } from '../contracts/backplane.js';
import type { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import type { RetentionRules } from '../contracts/retention.js';

/** How long a test waits for something that should happen at once, in milliseconds. */
const patience = 20_000;

/** A node that writes down what its backplane tells it, for tests of backplanes. */
export class RecordingTail implements Tail {
  /** Each position that the log was opened at. */
  readonly opened: Position[] = [];
  /** What was delivered, in order. */
  readonly events: LogEvent[] = [];
  /** Each sequence that was skipped to. */
  readonly skipped: number[] = [];
  /** Each sequence that was reached without an event. */
  readonly reached: number[] = [];
  /** Ephemeral events. */
  readonly ephemeral: LogEvent[] = [];
  /** Control messages. */
  readonly messages: string[] = [];
  /** Set to make the backplane wait. */
  congestion: Promise<void> | undefined;
  private readonly waiting = new Set<() => void>();

  open(position: Position): void {
    this.opened.push(position);
    this.changed();
  }

  deliver(event: LogEvent): void {
    this.events.push(event);
    this.changed();
  }

  skip(sequence: number): void {
    this.skipped.push(sequence);
    this.changed();
  }

  reach(sequence: number): void {
    this.reached.push(sequence);
    this.changed();
  }

  deliverEphemeral(event: LogEvent): void {
    this.ephemeral.push(event);
    this.changed();
  }

  control(message: string): void {
    this.messages.push(message);
    this.changed();
  }

  congested(): Promise<void> | undefined {
    return this.congestion;
  }

  /** How far in the log it was told. */
  get sequence(): number {
    const all = [this.opened.at(-1)!.sequence, this.events.at(-1)?.sequence ?? 0];
    return Math.max(...all, ...this.skipped, ...this.reached);
  }

  /** The payloads of what was delivered, parsed. */
  get data(): unknown[] {
    return this.events.map((event) => JSON.parse(event.data) as unknown);
  }

  /** Resolves as soon as `condition` holds, which is looked at whenever the backplane tells something. */
  async until(condition: (tail: this) => boolean, milliseconds = patience): Promise<void> {
    if (condition(this)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`Waited ${milliseconds} ms for ${condition.toString()}; got ${this.describe()}.`));
      }, milliseconds);
      const look = () => {
        if (!condition(this)) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
    });
  }

  private changed(): void {
    this.waiting.forEach((look) => look());
  }

  private describe(): string {
    const { opened, events, skipped, ephemeral, messages } = this;
    return `${events.length} events, ${ephemeral.length} ephemeral, ${messages.length} messages, opened ${JSON.stringify(opened)}, skipped ${JSON.stringify(skipped)}`;
  }
}

/** A backplane, and what it told its node. */
export interface RecordedNode {
  readonly backplane: Backplane;
  readonly tail: RecordingTail;
}

/** Starts `backplane` with a recording tail, and waits until it is in the log. */
export async function startRecording(backplane: Backplane, retention: RetentionRules): Promise<RecordedNode> {
  const tail = new RecordingTail();
  backplane.start(tail, retention);
  await tail.until(({ opened }) => opened.length > 0);
  return { backplane, tail };
}
