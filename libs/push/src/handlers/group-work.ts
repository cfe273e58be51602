import type { GapNotice } from '../contracts/connection.js';
import type { LogEvent } from '../contracts/event.js';
import type { OwnedWriter } from '../state/owned-writer.js';
import { PushError } from '../contracts/errors.js';
import { eventOf, letterOf, letterTopicOf, type DeadLetterData } from './dead-letter.js';
import { deliver, type Bury, type DeliveryContext } from './delivery.js';
import { gapError } from './gap-error.js';
import type { HandlerMethod } from './handler-methods.js';
import type { Handle } from './own-partition.js';

/** An event of the past that a handler is to have once more. */
export interface Replay {
  readonly event: LogEvent;
  readonly handle: Handle;
}

/** What the methods of a group do with its events. */
export class GroupWork {
  /** What the group reads. */
  readonly patterns: readonly string[];
  /** Gaps that are being dealt with: what comes later waits for them. */
  private gaps: Promise<void> | undefined;

  constructor(
    private readonly name: string,
    private readonly methods: readonly HandlerMethod[],
    private readonly writer: OwnedWriter,
    private readonly context: DeliveryContext,
  ) {
    this.patterns = [...new Set(methods.map(({ declared }) => declared.pattern.wide))];
  }

  /** Gives an event to all methods that want it. */
  readonly handle: Handle = async (event, tenure) => {
    // However long a method for gaps takes, the partition can be let go of.
    if (this.gaps) await Promise.race([this.gaps, tenure.closed]);
    const methods = this.methods.filter((method) => method.wants(event.topic));
    const done = await Promise.all(
      methods.map((method) => deliver(method, event, this.buryOf(method, event), tenure, this.context)),
    );
    return done.every(Boolean);
  };

  /** Events are missing: the methods for that are called before anything else is handled. */
  gap(notice: GapNotice): void {
    const calls = this.methods
      .map((method) => ({
        method,
        topics: notice.topics.filter((topic) => topic === method.declared.pattern.wide),
      }))
      .filter(({ topics }) => topics.length > 0)
      .map(({ method, topics }) => this.callGap(method, { ...notice, topics }));
    const gaps = Promise.all([this.gaps, ...calls])
      .then(() => undefined)
      .finally(() => {
        if (this.gaps === gaps) this.gaps = undefined;
      });
    this.gaps = gaps;
  }

  /** Those of some dead letters that are to be handled again. */
  replays(letters: Iterable<LogEvent>): readonly LogEvent[] {
    return [...letters].filter(isReplay);
  }

  /** What is to be done with a dead letter that is to be handled again. @param letter its newest event */
  replayOf(letter: LogEvent): Replay {
    const data = JSON.parse(letter.data) as DeadLetterData;
    const method = this.methods.find(({ name }) => name === data.handler);
    const event = eventOf(data);
    if (!method) return { event, handle: () => this.missing(letter, data) };
    let isBuried = false;
    const bury: Bury = async (attempts, error) => {
      await this.write(
        letter.topic,
        letterOf(event, method.name, data.attempts + attempts, error),
        letter.id,
      );
      isBuried = true;
    };
    const handle: Handle = async (_, tenure) => {
      const isDone = await deliver(method, event, bury, tenure, this.context);
      if (isDone && !isBuried) await this.writer.remove(letter.topic, letter.id!).catch(this.context.report);
      return isDone;
    };
    return { event, handle };
  }

  private buryOf(method: HandlerMethod, event: LogEvent): Bury {
    return async (attempts, error) => {
      const letter = letterOf(event, method.name, attempts, error);
      await this.write(letterTopicOf(this.name, event, method.name), letter);
    };
  }

  /** Stores a dead letter. If another one is there, that is as good: the event was handled by several nodes. */
  private async write(topic: string, letter: DeadLetterData, expect?: string): Promise<void> {
    await this.writer.put(topic, JSON.stringify(letter), expect);
  }

  /** The method of a dead letter has another name by now, or is gone. */
  private async missing(letter: LogEvent, data: DeadLetterData): Promise<boolean> {
    const message = `The group ${this.name} has no ${data.handler}() on this node. Discard the dead letter, or bring the method back.`;
    const told = letterOf(
      eventOf(data),
      data.handler,
      data.attempts,
      new PushError('INVALID_OPTION', message),
    );
    await this.write(letter.topic, told, letter.id).catch(this.context.report);
    return true;
  }

  private async callGap({ name, gap }: HandlerMethod, notice: GapNotice): Promise<void> {
    try {
      if (!gap) throw gapError(name, notice);
      await gap(notice);
    } catch (error) {
      this.context.report(error);
    }
  }
}

/** Whether a dead letter is to be handled again. */
export function isReplay({ data }: LogEvent): boolean {
  return (JSON.parse(data) as DeadLetterData).replay === true;
}
