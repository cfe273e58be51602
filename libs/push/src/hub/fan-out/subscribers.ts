import type { Batch, LogEvent } from '../../contracts/event.js';
import type { Counted } from './audiences.js';
import type { Selection, Union } from './selection.js';

/** A reader that gets new events by rounds of deliveries. */
export interface Member extends Counted {
  /** Whether it has everything up to now. A member that is not live gets nothing by rounds: it catches up on its own. */
  readonly isLive: boolean;
  /** The round during which it went live. It has the events of that round already, and takes part from the next one on. */
  readonly joinedRound: number;
  /** The events of the current round that it gets. Only the fan-out changes it. */
  selected: Selection | Union | undefined;
  /** Writes events to it. MUST NOT throw. */
  receive(batch: Batch): void;
}

/** Who subscribes to one topic or pattern. Most topics have one subscriber, which needs no set. */
export type Subscribers = Member | SubscriberSet;

/** Members that subscribe to one topic or pattern, and the events of the current round that it matches. */
export class SubscriberSet {
  readonly members: Set<Member>;
  private selection: Selection | undefined;

  constructor(...members: Member[]) {
    this.members = new Set(members);
  }

  /**
   * Adds an event of the current round.
   *
   * @param index of the event in the round
   * @param none the round's empty selection
   * @returns whether it is the first event
   */
  select(event: LogEvent, index: number, none: Selection): boolean {
    const { selection } = this;
    this.selection = (selection ?? none).with(event, index);
    return selection === undefined;
  }

  /** Returns the events that were selected in this round, and forgets them. */
  take(): Selection {
    const selection = this.selection!;
    this.selection = undefined;
    return selection;
  }
}
