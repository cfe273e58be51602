import { request, type IncomingMessage } from 'node:http';
import { createGunzip, constants } from 'node:zlib';
import { WebSocket, type ClientOptions } from 'ws';
import { afterTest } from './cleanup.js';
import { SseReader } from './sse-reader.js';
import { WsClient } from './ws-client.js';
import type { RunningApp } from './start-app.js';
import { Readable } from 'node:stream';

/** A client whose bytes on the wire are counted. */
export interface Weighed<Client> {
  readonly client: Client;
  /** Bytes that came, of the connection or the body, since it was opened. */
  bytes(): number;
}

/** A WebSocket that offers what `ws` offers: permessage-deflate with its context kept. */
export async function openDeflated(app: RunningApp, options: ClientOptions = {}): Promise<Weighed<WsClient>> {
  const socket = new WebSocket(app.webSocketUrl(), options);
  afterTest(() => socket.terminate());
  let received: IncomingMessage | undefined;
  socket.on('upgrade', (response) => (received = response));
  const client = new WsClient(socket);
  await client.next('hello');
  return { client, bytes: () => received!.socket.bytesRead };
}

/** A reader of a gzip body, which keeps what it says. */
export class GzipReader extends SseReader {
  /** Bytes of the body as they came. */
  bytes = 0;
  /** Set once the body is over, trailer included. */
  error: Error | undefined;
  isWhole = false;

  constructor(readonly compressed: IncomingMessage) {
    const gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH });
    const plain = Object.assign(gunzip, { statusCode: compressed.statusCode });
    super(plain as unknown as IncomingMessage);
    gunzip.on('error', (error) => (this.error = error));
    gunzip.on('end', () => {
      this.isWhole = true;
      this.changed();
    });
    compressed.on('data', (chunk: Buffer) => (this.bytes += chunk.length));
    compressed.on('error', () => gunzip.destroy());
    (compressed as Readable).pipe(gunzip);
  }
}

/** Opens an event stream as gzip. */
export async function openGzip(url: string, headers: Record<string, string> = {}): Promise<GzipReader> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(url, {
      headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip', ...headers },
    });
    sent.on('response', resolve).on('error', reject).end();
    afterTest(() => sent.destroy());
  });
  return new GzipReader(response);
}
