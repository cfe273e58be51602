import type { Batch, LogEvent } from '../../contracts/event.js';
import type { Counted } from './audiences.js';
import type { Selection, Union } from './selection.js';

/** Who is written to. */
export interface Member extends Counted {
  /** Whether it has everything up to now. Those that do not catch up on their own. */
  readonly isLive: boolean;
  /** In this round of deliveries it came, and with everything that the round brings: the next one is its first. */
  readonly joinedRound: number;
  /** What the round brings it: the fan-out's own. */
  selected: Selection | Union | undefined;
  receive(batch: Batch): void;
}

/** The connections that want one topic or pattern, and what of a round of deliveries it covers. */
export class Subscribers {
  /** Most topics have one subscriber, which needs no set. */
  members: Member | Set<Member> | undefined;
  private selection: Selection | undefined;

  get isEmpty(): boolean {
    return this.members === undefined;
  }

  add(member: Member): void {
    const { members } = this;
    if (members === undefined || members === member) this.members = member;
    else if (members instanceof Set) members.add(member);
    else this.members = new Set([members, member]);
  }

  delete(member: Member): void {
    const { members } = this;
    if (members instanceof Set) {
      members.delete(member);
      if (members.size === 0) this.members = undefined;
    } else if (members === member) this.members = undefined;
  }

  /**
   * Takes an event for the next delivery.
   *
   * @param none where the selections of this delivery begin
   * @returns whether it is the first event
   */
  select(event: LogEvent, place: number, none: Selection): boolean {
    const { selection } = this;
    this.selection = (selection ?? none).with(event, place);
    return selection === undefined;
  }

  /** What was selected since the last time. */
  take(): Selection {
    const selection = this.selection!;
    this.selection = undefined;
    return selection;
  }
}
