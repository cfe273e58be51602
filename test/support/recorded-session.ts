import type { RunningApp } from './start-app.js';
import { openRaw, type RawSocket } from './raw-socket.js';
import { clientFrame } from './ws-frames.js';

/*
 * A session as PROTOCOL.md shows it: what the client sends (`>`), what the server sends (`<`), the same on a connection
 * beside (`>>`, `<<`), and what happens meanwhile (`#`).
 */

/** What differs from one server to the next: ids, the names of connections and clients, and how long to wait. */
const varying = /[0-9a-f]{12}-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.[\w-]+)?|(?<=^retry: )\d+/g;

/** One connection of the session, and how much of what came on it was looked at. */
class Exchange {
  private head: string | undefined;
  private seen = 0;

  constructor(private readonly raw: RawSocket) {}

  get isWebSocket(): boolean {
    return this.head?.startsWith('HTTP/1.1 101') ?? false;
  }

  send(lines: readonly string[]): void {
    for (const line of lines) this.raw.send(clientFrame(line));
  }

  close(): void {
    this.raw.reset();
  }

  async readHead(): Promise<string[]> {
    const text = await this.raw.untilText('\r\n\r\n');
    this.head = text.slice(0, text.indexOf('\r\n\r\n'));
    return this.head.split('\r\n');
  }

  async read(count: number): Promise<string[]> {
    await this.raw.until(() => this.lines().length >= this.seen + count);
    return this.lines().slice(this.seen, (this.seen += count));
  }

  /** What came that the session does not tell. */
  get unread(): string[] {
    return this.lines().slice(this.seen);
  }

  private lines(): string[] {
    const body = this.raw.received.subarray(this.head!.length + 4);
    if (this.isWebSocket) return texts(body);
    if (!/^transfer-encoding: chunked$/im.test(this.head!)) return body.length > 0 ? [body.toString()] : [];
    return linesOf(unchunked(body.toString()));
  }
}

/** The lines of all blocks that say something: a block ends with an empty line. */
function linesOf(stream: string): string[] {
  const blocks = stream.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const lines = block.split('\n').filter((line) => line !== '' && !line.startsWith(': '));
    return lines.length > 0 ? [...lines, ''] : [];
  });
}

/** The body of complete chunks (RFC 9112, section 7.1), of ASCII text. */
function unchunked(body: string): string {
  const [, size, rest] = /^([0-9a-f]+)\r\n([\s\S]*)$/.exec(body) ?? [];
  const length = parseInt(size ?? '0', 16);
  if (!rest || length === 0 || rest.length < length + 2) return '';
  return rest.slice(0, length) + unchunked(rest.slice(length + 2));
}

/** The texts of complete frames (RFC 6455, section 5.2), none of them large. */
function texts(bytes: Buffer): string[] {
  if (bytes.length < 2) return [];
  const isShort = bytes[1]! < 126;
  const start = isShort ? 2 : 4;
  const end = start + (isShort ? bytes[1]! : bytes.readUInt16BE(2));
  if (bytes.length < end) return [];
  const isText = bytes[0] === 0x81;
  return [...(isText ? [bytes.toString('utf8', start, end)] : []), ...texts(bytes.subarray(end))];
}

/** Plays a session against a server, and compares what that answers. */
export class RecordedSession {
  /** What the session says → what this server said. */
  private readonly here = new Map<string, string>();
  private readonly exchanges = new Map<string, Exchange>();

  constructor(
    private readonly app: RunningApp,
    private readonly text: string,
  ) {}

  async play(): Promise<void> {
    for (const [mark, lines] of groupsOf(this.text)) {
      if (mark === '#') for (const line of lines) await this.happen(line);
      else if (mark.startsWith('>'))
        await this.send(
          mark.length,
          lines.map((line) => this.translate(line)),
        );
      else await this.expect(this.exchanges.get('>'.repeat(mark.length))!, lines);
    }
    for (const exchange of this.exchanges.values()) expect(exchange.unread).toEqual([]);
    // What the session tells apart, the server does.
    expect(new Set(this.here.values()).size).toBe(this.here.size);
  }

  private async happen(line: string): Promise<void> {
    const publishes = /^The application publishes to (\S+)(?: with the type (\S+))?: (.+)$/.exec(line);
    if (publishes) {
      const [, topic, type, data] = publishes;
      await this.app.bus.publish(topic!, JSON.parse(data!), { type });
    } else if (line === 'The connection breaks.') {
      const exchange = this.exchanges.get('>')!;
      expect(exchange.unread).toEqual([]);
      exchange.close();
    } else throw new Error(`Nobody knows how to do this: ${line}`);
  }

  private async send(depth: number, lines: readonly string[]): Promise<void> {
    const name = '>'.repeat(depth);
    if (!lines[0]!.endsWith(' HTTP/1.1')) return this.exchanges.get(name)!.send(lines);
    const end = lines.indexOf('');
    const body = lines.slice(end + 1).join('\n');
    const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    const raw = await openRaw(this.app.port, ...lines.slice(0, end), 'Host: localhost', ...length);
    raw.send(body);
    this.exchanges.set(name, new Exchange(raw));
  }

  private async expect(exchange: Exchange, lines: readonly string[]): Promise<void> {
    let rest = lines;
    if (lines[0]!.startsWith('HTTP/1.1 ')) {
      const [status, ...headers] = await exchange.readHead();
      const end = lines.includes('') ? lines.indexOf('') : lines.length;
      expect(status).toBe(lines[0]);
      const inLowerCase = (line: string) => line.replace(/^[^:]+/, (name) => name.toLowerCase());
      expect(headers.map(inLowerCase)).toEqual(
        expect.arrayContaining(lines.slice(1, end).map(inLowerCase)) as string[],
      );
      rest = lines.slice(end + 1);
    }
    const actual = await exchange.read(rest.length);
    for (const [index, line] of rest.entries()) this.learn(line, actual[index]!);
    expect(actual).toEqual(rest.map((line) => this.translate(line)));
  }

  private learn(told: string, said: string): void {
    const values = said.match(varying) ?? [];
    for (const [index, value] of (told.match(varying) ?? []).entries()) {
      if (!this.here.has(value)) this.here.set(value, values[index] ?? 'nothing');
    }
  }

  private translate(line: string): string {
    return line.replace(varying, (value) => this.here.get(value) ?? value);
  }
}

function groupsOf(text: string): [string, string[]][] {
  const groups: [string, string[]][] = [];
  for (const line of text.trimEnd().split('\n')) {
    const [, mark, content] = /^(>>?|<<?|#)(?: (.*))?$/.exec(line)!;
    const last = groups.at(-1);
    if (last?.[0] === mark) last![1].push(content ?? '');
    else groups.push([mark!, [content ?? '']]);
  }
  return groups;
}
