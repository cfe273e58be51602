import { once } from 'node:events';
import { createConnection } from 'node:net';
import { WebSocket } from 'ws';
import { Histogram } from '../generator/histogram.js';
import { answer } from '../remote.js';
import { rawLog } from './raw.js';
import type { Kind } from './server.js';
import { followRows } from './transactions.js';

/*
 * A process that receives: as a client of a node, or with the server's own client. It measures how long events took, on
 * the clock that all processes of the machine share.
 */

const latencies = new Histogram();
let count = 0;
const sockets: WebSocket[] = [];

function received(at: number): void {
  if (at === 0) return;
  latencies.add((performance.timeOrigin + performance.now() - at) * 1_000);
  count++;
}

answer({
  /** Connects clients to the node at `port`, each subscribed to `topic`, which nobody publishes to. */
  connect: async ({ port, clients, topic }: { port: number; clients: number; topic: string }) => {
    await Promise.all(Array.from({ length: clients }, () => connect(port, topic)));
  },

  /** Reads a stream of events as bytes, so that what is measured is the server and not this client. */
  listen: async ({ port, path }: { port: number; path: string }) => {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    let rest = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      const end = text.lastIndexOf('\n') + 1;
      for (const [, at] of (rest + text.slice(0, end)).matchAll(/"at":([\d.]+)/g)) received(Number(at));
      rest = end > 0 ? text.slice(end) : rest + text;
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
    await once(socket, 'data');
  },

  follow: async ({ kind, port }: { kind: Kind; port: number }) => {
    const log = await rawLog(kind, port);
    await log.follow((data) => received((JSON.parse(data) as { at: number }).at));
  },

  followRows: ({ port }: { port: number }) =>
    followRows(port, (data) => received((JSON.parse(data) as { at: number }).at)),

  reset: () => {
    latencies.reset();
    count = 0;
  },

  /** In microseconds. */
  latencies: () => ({ count, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) }),
});

function connect(port: number, topic: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/push`);
    sockets.push(socket);
    socket.on('error', reject);
    socket.on('message', (bytes: Buffer) => {
      const { event } = JSON.parse(bytes.toString()) as { event: string };
      if (event === 'hello') socket.send(JSON.stringify({ event: 'subscribe', data: { topics: [topic] } }));
      else if (event === 'live') resolve();
    });
  });
}
