/** The fields of a block: the last value of each. The lines of `data` are joined by LF; those of comments are under ''. */
export type SseBlock = Readonly<Record<string, string | undefined>>;

/** Reads server-sent events (HTML standard, 9.2.6), block by block. A chunk may end anywhere. */
export class SseParser {
  #rest = '';
  #block: Record<string, string | undefined> = {};
  /** The last chunk ended with CR: an LF that follows belongs to it. */
  #afterReturn = false;

  /** @param onBlock is called with each complete block, also with one that has no data */
  constructor(private readonly onBlock: (block: SseBlock) => void) {}

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
    const block = this.#block;
    if (line === '') {
      this.#block = {};
      return this.onBlock(block);
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    block[field!] = field === 'data' && block.data !== undefined ? `${block.data}\n${value}` : value;
  }
}
