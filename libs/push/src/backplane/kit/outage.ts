import { Logger } from '@nestjs/common';

/**
 * Logs when a server goes away and when it is back: one line each, however many parts of the backplane notice it, and
 * however often their retries fail.
 */
export class Outage {
  private readonly logger: Logger;
  private readonly reasons = new Map<string, string>();
  private since = 0;
  /** How often the server has gone away since the start. */
  count = 0;

  /**
   * @param context the logger's context: the name of the backplane's class
   * @param server what the log is on: "Redis"
   */
  constructor(
    context: string,
    private readonly server: string,
  ) {
    this.logger = new Logger(context);
  }

  /** What is wrong, for messages; `undefined` if nothing is. */
  get reason(): string | undefined {
    const [first] = this.reasons;
    return first && `${this.server} cannot be used (${first[0]}): ${first[1]}`;
  }

  /** To be called when a part of the backplane ("reading") failed at something that it will try again. */
  failed(part: string, error: unknown): void {
    const isFirst = this.reasons.size === 0;
    this.reasons.set(part, messageOf(error));
    if (!isFirst) return;
    this.count++;
    this.since = performance.now();
    this.logger.warn(
      `${this.reason}. Retrying until it can. Clients stay connected; publishing waits, then fails.`,
    );
  }

  /** To be called when that part has succeeded. */
  worked(part: string): void {
    if (!this.reasons.delete(part) || this.reasons.size > 0) return;
    this.logger.log(`${this.server} is back after ${Math.round(performance.now() - this.since)} ms.`);
  }

  /** Logs a warning that is not about an outage. */
  note(message: string): void {
    this.logger.warn(message);
  }
}

/** The message of an error. Some have it only in their code, or in the errors that they aggregate. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return error.message || (typeof code === 'string' ? code : error.name);
}
