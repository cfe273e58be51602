import type { Logger } from '@nestjs/common';

/** How long a line may be, in UTF-16 code units. */
const longestLine = 500;

/** When lines are counted and written, for tests. */
interface Clock {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Calls `then` after so many milliseconds. It MUST NOT keep the process alive. */
  readonly after: (milliseconds: number, then: () => void) => void;
}

const clock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, then) => {
    setTimeout(then, milliseconds).unref();
  },
};

/** The lines of one kind in the current interval. */
interface Tally {
  written: number;
  omitted: number;
}

/**
 * Writes lines at debug level, of each kind at most so many in an interval. At its end, one line says how many of each kind were
 * left out. So a flood of clients does not become a flood of lines, and one kind does not hide another.
 */
export class SampledLog<Kind extends string> {
  private readonly tallies = new Map<Kind, Tally>();
  /** When the current interval began. */
  private began = -Infinity;
  private isClosing = false;

  /**
   * @param most lines of each kind in an interval
   * @param interval in milliseconds
   */
  constructor(
    private readonly logger: Pick<Logger, 'debug'>,
    private readonly most: number,
    private readonly interval: number,
    private readonly time: Clock = clock,
  ) {}

  /** Writes a line, or counts it as left out. @param text is called only if the line is written */
  write(kind: Kind, text: () => string): void {
    const now = this.time.now();
    // What was left out is told by the end of its interval; until then no other begins.
    if (!this.isClosing && now - this.began >= this.interval) this.begin(now);
    let tally = this.tallies.get(kind);
    if (!tally) this.tallies.set(kind, (tally = { written: 0, omitted: 0 }));
    if (tally.written < this.most) {
      tally.written++;
      this.logger.debug(oneLine(text()));
      return;
    }
    tally.omitted++;
    if (this.isClosing) return;
    this.isClosing = true;
    this.time.after(this.interval - (now - this.began), () => this.close());
  }

  private begin(now: number): void {
    this.began = now;
    this.tallies.clear();
  }

  private close(): void {
    const omitted = [...this.tallies].filter(([, tally]) => tally.omitted > 0);
    const counts = omitted.map(([kind, tally]) => `${tally.omitted} of "${kind}"`);
    this.isClosing = false;
    this.begin(this.time.now());
    this.logger.debug(`Lines left out, because there were too many: ${counts.join(', ')}.`);
  }
}

/** What came from a client, or from the application, must not look like lines of their own. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) => escape(character));
  return line.length > longestLine ? `${line.slice(0, longestLine)}…` : line;
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
