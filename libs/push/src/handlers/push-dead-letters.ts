import { Inject, Injectable } from '@nestjs/common';
import type { PushEvent } from '../bus/handled-events.js';
import { PushError } from '../contracts/errors.js';
import type { LogEvent } from '../contracts/event.js';
import { isAfter } from '../contracts/position.js';
import { readGroupTopic } from '../contracts/reserved.js';
import type { DeadLetterData } from './dead-letter.js';
import { PushHandlers } from './push-handlers.js';

/** An event that a handler of a group has failed to handle, as often as it may. */
export interface DeadLetter {
  /** Names it: for `replay` and `discard`. It is the topic that it is stored at, a state topic. */
  readonly id: string;
  readonly group: string;
  /** The class and the method: `OrdersService.bill`. */
  readonly handler: string;
  /** The event, as it was published. */
  readonly event: PushEvent;
  /** How often it was tried, those of replays included. */
  readonly attempts: number;
  /** When it failed last. */
  readonly failed: Date;
  readonly error: {
    readonly name: string;
    readonly message: string;
    readonly code?: string;
    readonly stack?: string;
  };
  /** Whether it is being handled again. */
  readonly isReplaying: boolean;
}

/**
 * The events that handlers of groups (`@OnPush(…, { group })`) could not handle. They are kept until they are replayed or discarded,
 * and read with `list`, or live as the state topics `$group.<group>.dead.>`.
 */
@Injectable()
export class PushDeadLetters {
  constructor(@Inject(PushHandlers) private readonly handlers: PushHandlers) {}

  /**
   * The dead letters of a group, as far as this node has read the log; the oldest event first.
   *
   * @throws PushError (the promise rejects) `INVALID_OPTION` if this process has no groups; `UNAVAILABLE` if the log cannot be read
   */
  async list(group: string): Promise<DeadLetter[]> {
    const { dead } = await this.handlers.table(group);
    const letters = [...dead.values()].map((letter) => letterOf(group, letter));
    return letters.sort((one, other) => (isAfter(one.event.id!, other.event.id!) ? 1 : -1));
  }

  /**
   * Has the handler of a dead letter handle its event once more, in the event's turn among those of its topic, on the node that has
   * it. If that succeeds, the dead letter is removed; else it is told of the new failure.
   *
   * @returns whether there is such a dead letter
   * @throws PushError (the promise rejects) as `list`
   */
  async replay(id: string): Promise<boolean> {
    return this.change(id, (letter) => {
      const data = { ...(JSON.parse(letter.data) as DeadLetterData), replay: true } satisfies DeadLetterData;
      return this.handlers.writer.put(id, JSON.stringify(data), letter.id);
    });
  }

  /**
   * Removes a dead letter.
   *
   * @returns whether there was one
   * @throws PushError (the promise rejects) as `list`
   */
  async discard(id: string): Promise<boolean> {
    return this.change(
      id,
      async (letter) => (await this.handlers.writer.remove(id, letter.id!)) || undefined,
    );
  }

  /** Changes what is there, also if that changes meanwhile. */
  private async change(id: string, change: (letter: LogEvent) => Promise<unknown>): Promise<boolean> {
    const about = readGroupTopic(String(id));
    if (about?.kind !== 'dead')
      throw new PushError(
        'INVALID_OPTION',
        `${id} is no dead letter. Take the id of one that list() returns.`,
      );
    for (;;) {
      const letter = (await this.handlers.table(about.group)).dead.get(id);
      if (!letter) return false;
      if ((await change(letter)) !== undefined) return true;
    }
  }
}

function letterOf(group: string, letter: LogEvent): DeadLetter {
  const { event, handler, attempts, failed, error, replay } = JSON.parse(letter.data) as DeadLetterData;
  const { id, topic, type, data, meta } = event;
  return {
    id: letter.topic,
    group,
    handler,
    event: { id, topic, type, data, meta },
    attempts,
    failed: new Date(failed),
    error,
    isReplaying: replay === true,
  };
}
