import type { Backplane, Tail } from '../contracts/backplane.js';
import type { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import type { RetentionRules } from '../contracts/retention.js';
import { Watched } from './watched.js';

/** A tail that records all calls of its backplane, for tests of backplanes. */
export class RecordingTail extends Watched implements Tail {
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

  /** The newest sequence that it was told. */
  get sequence(): number {
    const all = [this.opened.at(-1)!.sequence, this.events.at(-1)?.sequence ?? 0];
    return Math.max(...all, ...this.skipped, ...this.reached);
  }

  /** The payloads of what was delivered, parsed. */
  get data(): unknown[] {
    return this.events.map((event) => JSON.parse(event.data) as unknown);
  }

  protected override describe(): string {
    const { opened, events, skipped, ephemeral, messages } = this;
    return `${events.length} events, ${ephemeral.length} ephemeral, ${messages.length} messages, opened ${JSON.stringify(opened)}, skipped ${JSON.stringify(skipped)}`;
  }
}

/** A backplane, and the tail that records its calls. */
export interface RecordedNode {
  readonly backplane: Backplane;
  readonly tail: RecordingTail;
}

/** Starts `backplane` with a recording tail, and waits until the log is open. */
export async function startRecording(backplane: Backplane, retention: RetentionRules): Promise<RecordedNode> {
  const tail = new RecordingTail();
  backplane.start(tail, retention);
  await tail.until(({ opened }) => opened.length > 0);
  return { backplane, tail };
}
