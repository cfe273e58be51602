/** What a client says, and what it waits for before it goes on. */
export interface Step {
  readonly say: string | Buffer;
  readonly expect: string;
}

/** How a client of a peer begins. `resume` is the id of the last event that it has; `compressed` offers compression. */
export type Handshake = (topics: readonly number[], resume?: string, compressed?: boolean) => readonly Step[];

const headers = ['Host: localhost', 'User-Agent: bench', 'Accept-Language: en', 'Cache-Control: no-cache'];

const endOfHead = '\r\n\r\n';

function request(path: string, extra: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, ...headers, ...extra, '', ''].join('\r\n');
}

function upgrade(path: string, compressed = false): Step {
  const extra = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...(compressed ? ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'] : []),
  ];
  return { say: request(path, extra), expect: endOfHead };
}

/** A client's text frame. A masking key of zeros leaves the text as it is. */
function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? [0x81, 0x80 | length] : [0x81, 0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** Where a topic is served as an event stream. */
export function pathOf(topic: number): string {
  return `/events/${topic}`;
}

/** `EventSource` at `/events/<topic>`. */
function sse([topic]: readonly number[], resume?: string, compressed = false): readonly Step[] {
  const extra = [
    'Accept: text/event-stream',
    ...(resume === undefined ? [] : [`Last-Event-ID: ${resume}`]),
    ...(compressed ? ['Accept-Encoding: gzip'] : []),
  ];
  return [{ say: request(pathOf(topic!), extra), expect: endOfHead }];
}

/** A WebSocket that gets its topic by its URL. */
function websocket([topic]: readonly number[], _?: string, compressed = false): readonly Step[] {
  return [upgrade(`/events?topic=${topic}`, compressed)];
}

/** PROTOCOL.md of nestjs-push. */
function push(topics: readonly number[], resume?: string, compressed = false): readonly Step[] {
  const data = { topics: topics.map((topic) => `bench.${topic}`), from: resume };
  return [
    upgrade('/push', compressed),
    { say: '', expect: '"event":"hello"' },
    { say: frame(JSON.stringify({ event: 'subscribe', data })), expect: '"event":"subscribed"' },
  ];
}

/** Engine.IO 4 and Socket.IO 5, on WebSocket from the start. */
function socketIo([topic]: readonly number[]): readonly Step[] {
  return [
    upgrade('/socket.io/?EIO=4&transport=websocket'),
    { say: '', expect: '0{' },
    { say: frame(`40${JSON.stringify({ topic })}`), expect: '40{' },
  ];
}

export const handshakes = { sse, websocket, push, socketIo } satisfies Record<string, Handshake>;

export type Protocol = keyof typeof handshakes;
