import { once } from 'node:events';
import { createConnection, type AddressInfo, type Socket } from 'node:net';
import { answer } from '../remote.js';
import { ways, type LogTarget, type Serving } from './ways.js';

/* A process that serves answers one way, or that reads them. */

/** Answers to read. */
export interface Reading {
  readonly port: number;
  /** Begins their ids. */
  readonly prefix: string;
  readonly count: number;
  readonly chunks: number;
  readonly every: number;
}

let serving: Serving;

/** Ends with the answer that is read. */
let ended: Promise<unknown> = Promise.resolve();

answer({
  /** Returns the port. */
  serve: async ({ way, log }: { way: string; log?: LogTarget }) => {
    serving = await ways[way]!(log);
    return (serving.server.address() as AddressInfo).port;
  },

  cancel: (id: string) => serving.cancel!(id),

  /** Begins to read an answer. Resolves when its first word is there. */
  begin: async ({ port, id }: { port: number; id: string }) => {
    const socket = await ask(port, `/${id}?chunks=1000&every=20`);
    ended = once(socket, 'close');
    await once(socket, 'data');
  },

  /** When the answer has ended that this has begun to read, in milliseconds, on the clock that all processes share. */
  ended: async () => {
    await ended;
    return performance.timeOrigin + performance.now();
  },

  /** CPU time of the process so far, in microseconds. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },

  /** Reads answers one after the other. Returns the milliseconds from each request to its first word. */
  firstWords: async (reading: Reading) => {
    const times: number[] = [];
    for (let n = 0; n < reading.count; n++) times.push(await read(reading, n));
    return times;
  },

  /** Reads answers all at once. */
  all: async (reading: Reading) => {
    await Promise.all(Array.from({ length: reading.count }, (_, n) => read(reading, n)));
  },
});

/** Reads one answer to its end, which has to be whole. Returns when its first word came. */
async function read({ port, prefix, chunks, every }: Reading, n: number): Promise<number> {
  const sent = performance.now();
  const socket = await ask(port, `/${prefix}${n}?chunks=${chunks}&every=${every}`);
  let text = '';
  let first: number | undefined;
  socket.on('data', (part: string) => {
    text += part;
    if (first === undefined && text.includes('w1 ')) first = performance.now() - sent;
  });
  await once(socket, 'close');
  const words = text.match(/w\d+ /g) ?? [];
  if (words.length !== chunks || words.at(-1) !== `w${chunks} `)
    throw new Error(`${prefix}${n} has ${words.length} words of ${chunks}.`);
  return first!;
}

async function ask(port: number, path: string): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
  await once(socket, 'connect');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/event-stream\r\n\r\n`,
  );
  return socket;
}
