import { Logger, type LoggerService } from '@nestjs/common';
import { afterTest } from './cleanup.js';

/** A logger for an application, which keeps what it is told. */
export class KeepingLogger implements LoggerService {
  readonly lines: string[] = [];

  readonly log = (message: unknown) => this.keep(message);
  readonly warn = (message: unknown) => this.keep(message);
  readonly error = (message: unknown) => this.keep(message);
  readonly debug = () => undefined;
  readonly verbose = () => undefined;

  /** Takes what all of Nest logs, until the next one does. */
  static install(): KeepingLogger {
    const logger = new KeepingLogger();
    Logger.overrideLogger(logger);
    return logger;
  }

  private keep(message: unknown): void {
    this.lines.push(String(message));
  }
}

/** What is warned of from now on to the end of the test, also by applications that are started with `logger: false`. */
export function takeWarnings(): string[] {
  const warnings: string[] = [];
  const { warn } = Logger.prototype;
  Logger.prototype.warn = (message: string) => warnings.push(message);
  afterTest(() => (Logger.prototype.warn = warn));
  return warnings;
}
