import type { Position, RetentionRules, Tail } from 'nestjs-push';
import { RedisBackplane } from 'nestjs-push/redis';

/** A node that knows of the log in Redis late: what comes after `hold`, it is told at `release`. */
export class LateNode extends RedisBackplane {
  private waiting: (() => void)[] | undefined;
  /** How often the node has asked where the log is. */
  asked = 0;

  override start(tail: Tail, retention: RetentionRules): void {
    super.start(
      {
        open: (position) => this.tell(() => tail.open(position)),
        deliver: (event) => this.tell(() => tail.deliver(event)),
        skip: (sequence) => this.tell(() => tail.skip(sequence)),
        reach: (sequence) => this.tell(() => tail.reach(sequence)),
        deliverEphemeral: (event) => tail.deliverEphemeral(event),
        control: (message) => tail.control(message),
        congested: () => tail.congested(),
      },
      retention,
    );
  }

  hold(): void {
    this.waiting = [];
  }

  release(): void {
    const calls = this.waiting ?? [];
    this.waiting = undefined;
    for (const call of calls) call();
  }

  override head(): Promise<Position> {
    this.asked++;
    return super.head();
  }

  private tell(call: () => void): void {
    if (this.waiting) this.waiting.push(call);
    else call();
  }
}
