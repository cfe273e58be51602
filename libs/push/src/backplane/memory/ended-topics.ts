import { endedError, isEnd } from '../../contracts/end.js';
import type { PushError } from '../../contracts/errors.js';
import type { Draft } from '../../contracts/event.js';
import type { RetentionRules } from '../../contracts/retention.js';
import { isRemoval } from '../../contracts/state.js';

/** How many ended topics are remembered at most. Beyond that, those that ended first are forgotten. */
const mostTopics = 100_000;

/** How many are looked at for each event: they go sooner than others come. */
const looksAtOnce = 8;

/** Which finite topics have ended, as a log in memory has to know. */
export class EndedTopics {
  /** When each is forgotten, on the monotonic clock. Oldest first. */
  private readonly ended = new Map<string, number>();
  /** Goes round through them, and looks for those whose time is over. */
  private round = this.ended.entries();

  /** @param now clock in milliseconds, for tests */
  constructor(
    private readonly rules: Pick<RetentionRules, 'of' | 'hasEnds'> | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** How many topics it knows to have ended. */
  get size(): number {
    return this.ended.size;
  }

  /**
   * Notes an event that is to be stored.
   *
   * @returns why it must not be: `ENDED`
   */
  take(draft: Draft): PushError | undefined {
    if (!this.rules?.hasEnds) return undefined;
    const { ends } = this.rules.of(draft.topic);
    if (!ends) return undefined;
    this.forgetOld();
    const { topic } = draft;
    const expires = this.ended.get(topic);
    const hasEnded = expires !== undefined && expires > this.now();
    if (hasEnded && !isRemoval(draft)) return endedError(topic);
    this.ended.delete(topic);
    if (isEnd(draft)) this.note(topic, this.now() + ends.ttl);
    return undefined;
  }

  private note(topic: string, expires: number): void {
    this.ended.set(topic, expires);
    if (this.ended.size <= mostTopics) return;
    for (const oldest of this.ended.keys()) {
      this.ended.delete(oldest);
      return;
    }
  }

  private forgetOld(): void {
    for (let look = 0; look < looksAtOnce; look++) {
      const { value, done } = this.round.next();
      if (done) {
        this.round = this.ended.entries();
        return;
      }
      const [topic, expires] = value;
      if (expires <= this.now()) this.ended.delete(topic);
    }
  }
}
