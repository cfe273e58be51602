import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { afterTest } from './cleanup.js';
import { Watched } from './watched.js';

/** A block that dispatches an event, as section 9.2.6 of the HTML standard reads it. */
export interface SseEvent {
  readonly type: string;
  /** What `lastEventId` would say. */
  readonly id: string;
  readonly data: string;
}

/** Reads an event stream and keeps all of it, as it came. */
export class SseReader extends Watched {
  /** The body, without HTTP's framing. */
  body = '';
  isEnded = false;
  private readonly decoder = new TextDecoder();

  constructor(readonly response: IncomingMessage) {
    super();
    response.on('data', (chunk: Buffer) => {
      this.body += this.decoder.decode(chunk, { stream: true });
      this.changed();
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      this.isEnded = true;
      this.over('The stream has ended');
    });
  }

  get status(): number {
    return this.response.statusCode!;
  }

  /** Complete blocks that say something, without the empty line. */
  get blocks(): string[] {
    // Nest begins every stream with an empty line.
    return `\n${this.body}`
      .split('\n\n')
      .slice(0, -1)
      .filter((block) => block !== '');
  }

  /** All events but those that say where the stream begins and ends. */
  get events(): SseEvent[] {
    let id = '';
    return this.blocks.flatMap((block) => {
      const fields = block.split('\n').map(field);
      id = fields.findLast(([name]) => name === 'id')?.[1] ?? id;
      const type = fields.findLast(([name]) => name === 'event')?.[1] ?? 'message';
      const data = fields.flatMap(([name, value]) => (name === 'data' ? [value] : []));
      const isFrame = type === 'push.start' || type === 'push.end';
      return data.length > 0 && !isFrame ? [{ type, id, data: data.join('\n') }] : [];
    });
  }

  get lastEventId(): string {
    return this.blocks.flatMap((block) => /^id: (.*)$/m.exec(block)?.[1] ?? []).at(-1) ?? '';
  }

  /** The data of its events, gaps left out. */
  get data(): string[] {
    return this.events.filter(({ type }) => type !== 'push.gap').map(({ data }) => data);
  }

  get gaps(): { reason: string; topics: string[]; id: string }[] {
    return this.events
      .filter(({ type }) => type === 'push.gap')
      .map(({ data }) => JSON.parse(data) as { reason: string; topics: string[]; id: string });
  }

  async untilEvents(count: number): Promise<SseEvent[]> {
    await this.until(() => this.events.length >= count);
    return this.events;
  }

  /** Resolves with the whole body once the stream is over. */
  async untilEnd(): Promise<string> {
    await this.until(() => this.isEnded);
    return this.body;
  }

  drop(): void {
    this.response.destroy();
  }
}

function field(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
}

/** Asks for an event stream; it is dropped after the test. Resolves once the answer's headers are there. */
export function openSse(url: string, { body, ...options }: RequestOptions & { body?: string } = {}) {
  return new Promise<SseReader>((resolve, reject) => {
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const insecure = { agent: false, rejectUnauthorized: false };
    const outgoing = request(url, { ...insecure, ...options }, (response) => {
      const reader = new SseReader(response);
      afterTest(() => reader.drop());
      resolve(reader);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks for an event stream and waits until the server reads the log for it: what is published then reaches it. */
export async function openStream(...ask: Parameters<typeof openSse>): Promise<SseReader> {
  const reader = await openSse(...ask);
  await hasBegun(reader, `${String(ask[0])}: ${reader.status}`);
  return reader;
}

/** Resolves once a stream has begun, and rejects if it is none, or is refused. It may have ended by then. */
export async function hasBegun(reader: SseReader, what: string): Promise<void> {
  await reader.until(() => reader.body.includes('retry: ') || reader.isEnded);
  const isStream = reader.body.includes('retry: ') && !reader.body.includes('event: push.error');
  if (!isStream) throw new Error(`No stream at ${what} ${reader.body}`);
}
