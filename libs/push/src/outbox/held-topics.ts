import { backoffDelay } from '../contracts/backoff.js';

/** How many topics are held at most. */
const most = 1_000;

/** After how many milliseconds without a row a topic begins again. */
const forgotten = 60_000;

interface Hold {
  attempts: number;
  until: number;
}

/** Topics whose next row could not be published and may be later. Each waits by itself, longer from time to time. */
export class HeldTopics {
  private readonly holds = new Map<string, Hold>();

  /** @param now the monotonic clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Whether no other topic can be held. */
  get isFull(): boolean {
    return this.holds.size >= most;
  }

  hold(topic: string): void {
    const attempts = (this.holds.get(topic)?.attempts ?? 0) + 1;
    this.holds.set(topic, { attempts, until: this.now() + backoffDelay(attempts) });
  }

  free(topic: string): void {
    this.holds.delete(topic);
  }

  /** Those that wait now. */
  get topics(): string[] {
    const now = this.now();
    for (const [topic, { until }] of this.holds) if (until < now - forgotten) this.holds.delete(topic);
    return [...this.holds].filter(([, { until }]) => until > now).map(([topic]) => topic);
  }

  /** In how many milliseconds the next one has waited long enough: infinite if none waits. */
  get next(): number {
    const now = this.now();
    const waits = [...this.holds.values()].map(({ until }) => until - now).filter((wait) => wait > 0);
    return Math.min(Infinity, ...waits);
  }
}
