import type { EventBus } from 'nestjs-push';
import type { PushClient, PushEvent, Start } from 'nestjs-push-client';
import { covers } from 'nestjs-push';
import { Watched } from './watched.js';

interface Entry {
  readonly id: string;
  readonly topic: string;
}

/** Everything that was published, in order. */
export class Journal {
  readonly entries: Entry[] = [];
  private count = 0;

  constructor(public bus: EventBus) {}

  /** Publishes the next number to `topic`. */
  async publish(topic: string): Promise<string> {
    const data = ++this.count;
    const id = await this.bus.publish(topic, data);
    this.entries.push({ id, topic });
    return id;
  }

  get length(): number {
    return this.entries.length;
  }

  /** The ids of what matches `pattern`, between two places in the journal. */
  ids(pattern: string, from = 0, to = this.length): string[] {
    return this.entries
      .slice(from, to)
      .filter(({ topic }) => covers(pattern, topic))
      .map(({ id }) => id);
  }
}

/** A subscription of a client, and what it has handled. */
export class JournalReader extends Watched {
  readonly handled: PushEvent[] = [];
  /** How long the journal was when it was confirmed, and when it was stopped. */
  confirmedAt: number | undefined;
  stoppedAt: number | undefined;
  private readonly end: () => void;

  constructor(
    private readonly journal: Journal,
    push: PushClient,
    readonly pattern: string,
    readonly from: Start,
  ) {
    super();
    const stop = push.on(
      pattern,
      (_, event) => {
        this.handled.push(event);
        this.changed();
      },
      { from },
    );
    void this.follow(stop.live);
    this.end = stop;
  }

  private async follow(live: Promise<void>): Promise<void> {
    await live;
    this.confirmedAt = this.journal.length;
    this.changed();
  }

  stop(): void {
    this.stoppedAt = this.journal.length;
    this.end();
  }

  get ids(): (string | undefined)[] {
    return this.handled.map(({ id }) => id);
  }

  /** Resolves once it has handled the newest event that it has to. */
  async caughtUp(): Promise<void> {
    const last = this.journal.ids(this.pattern).at(-1);
    if (last !== undefined) await this.until(() => this.ids.includes(last));
  }

  /** Throws unless what it handled is one run of what it should have handled: once, in order, none missed. */
  verify(): void {
    const all = this.journal.ids(this.pattern);
    const first = this.handled.length > 0 ? all.indexOf(this.ids[0]!) : undefined;
    const run = first === undefined ? [] : all.slice(first, first + this.handled.length);
    expect(this.ids).toEqual(run);
    this.verifyBegin(first, all);
    // Whoever was stopped may have been stopped before the last events came.
    if (this.stoppedAt === undefined) expect(run.at(-1)).toBe(first === undefined ? undefined : all.at(-1));
  }

  private verifyBegin(first: number | undefined, all: readonly string[]): void {
    if (this.from === 'earliest') {
      if (this.stoppedAt === undefined || first !== undefined) expect(first ?? all.length).toBe(0);
    } else if (this.from === 'now') {
      // With everything that came after it was confirmed; what was on its way by then may have come as well.
      const confirmed = this.journal.ids(this.pattern, 0, this.confirmedAt).length;
      if (first !== undefined) {
        expect(first).toBeLessThanOrEqual(confirmed);
      } else if (this.stoppedAt === undefined) expect(confirmed).toBe(all.length);
    } else if (first !== undefined) {
      const behind = this.journal.entries.findIndex(({ id }) => id === this.from) + 1;
      expect(first).toBe(this.journal.ids(this.pattern, 0, behind).length);
    }
  }
}
