/**
 * Reads server-sent events (HTML standard, 9.2.6) as far as this client needs them: the data of each event, and `retry`.
 * A chunk may end anywhere.
 */
export class SseParser {
  #rest = '';
  #data: string[] = [];
  /** The last chunk ended with CR: an LF that follows belongs to it. */
  #afterReturn = false;

  constructor(
    private readonly onData: (data: string) => void,
    private readonly onRetry: (milliseconds: number) => void,
  ) {}

  /** Parses decoded text. The decoder has removed the byte order mark. */
  push(chunk: string): void {
    if (chunk === '') return;
    if (this.#afterReturn && chunk[0] === '\n') chunk = chunk.slice(1);
    this.#afterReturn = chunk.endsWith('\r');
    const lines = (this.#rest + chunk).split(/\r\n|\r|\n/);
    this.#rest = lines.pop()!;
    lines.forEach((line) => this.#line(line));
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.onData(this.#data.join('\n'));
      this.#data = [];
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === 'data') this.#data.push(value);
    else if (field === 'retry' && /^\d+$/.test(value)) this.onRetry(Number(value));
  }
}
