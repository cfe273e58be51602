import { microseconds } from '../event.js';
import type { EventKind } from '../application-events.js';
import type { Carrier } from '../carrier.js';
import { answer, notify } from '../remote.js';
import { Client } from './client.js';
import { handshakes, pathOf, type Protocol } from './handshakes.js';
import { Histogram } from './histogram.js';
import { Http2Client } from './http2-client.js';
import { chunk, message } from './parts.js';
import type { Reader } from './reader.js';
import { Scanner } from './scanner.js';
import { Scales, Witness } from './weighing.js';

/** Which connections to open. */
export interface Opening {
  readonly port: number;
  readonly protocol: Protocol;
  /** What carries the clients. Default: HTTP/1.1 in clear text. */
  readonly carrier?: Carrier;
  /** How many clients share a connection of HTTP/2. Default: each has its own. */
  readonly streams?: number;
  readonly count: number;
  /** Clients are spread over them in turn. */
  readonly topics: number;
  /** Topics of one client: then no two clients share one. */
  readonly topicsEach: number;
  /** Number of the first event that has to come. */
  readonly next: number;
  /** The id of the event before that, for clients that resume. */
  readonly resume?: string;
  /** They read nothing once they are connected. */
  readonly stalled?: boolean;
  /** Measure latencies: of every client, or of one in so many. Of the others the bytes are counted then. */
  readonly latency?: boolean | number;
  /** Application events of this kind come. One client reads them, and the bytes of the others are counted. */
  readonly weighed?: EventKind;
  /** They offer compression. */
  readonly compressed?: boolean;
}

/** What the clients that read have got. */
export interface Progress {
  readonly events: number;
  /** Bytes that have come, where they are weighed. */
  readonly bytes: number;
  /** Every event below has been received by everyone who has to. */
  readonly through: number;
  readonly microseconds: number;
  readonly failure: string | undefined;
}

/** One client, or several that share a connection. */
type Connection = Client | Http2Client;

/** Connections that are being opened at a time. */
const concurrency = 256;

/** Milliseconds between two notices of progress: the server keeps a bounded number of events on the way. */
const noticeEvery = 4;

const latencies = new Histogram();
let clients: Connection[] = [];
let stalled: Connection[] = [];
let scales: Scales | undefined;
let now = 0;
let failure: string | undefined;
let noticed = -1;

function progress(): Progress {
  let events = 0;
  let through = Infinity;
  for (const client of clients) {
    events += client.count;
    if (client.next < through) through = client.next;
  }
  return { events, bytes: scales?.bytes ?? 0, through, microseconds: microseconds(), failure };
}

async function open(opening: Opening): Promise<void> {
  const { protocol, streams = 1, count, weighed } = opening;
  const list = opening.stalled ? stalled : clients;
  if (weighed) scales = new Scales(new Witness(weighed, protocol === 'sse' ? chunk : message));
  else if (sampledOf(opening) > 1) scales = new Scales(scannerOf(opening, 0));
  let started = 0;
  const one = async (): Promise<void> => {
    while (started < count) {
      const numbers = Array.from({ length: Math.min(streams, count - started) }, () => started++);
      await new Promise<void>((resolve, reject) => {
        const fail = (error: Error) => {
          failure ??= error.message;
          reject(error);
        };
        list.push(connect(opening, numbers, resolve, fail));
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, one));
  if (opening.stalled) stalled.forEach((client) => client.stall());
}

/** A connection for the clients with these numbers. */
function connect(
  opening: Opening,
  numbers: readonly number[],
  onReady: () => void,
  onFailure: (error: Error) => void,
): Connection {
  const { port, carrier, protocol, topics, topicsEach, resume, compressed } = opening;
  const spread = topics / topicsEach;
  const firsts = numbers.map((number) => number % spread);
  const readers = numbers.map((number) => readerOf(opening, number));
  if (carrier === 'h2' || carrier === 'h2c')
    return new Http2Client({ port, carrier }, firsts.map(pathOf), readers, onReady, onFailure);
  const own = Array.from({ length: topicsEach }, (_, index) => firsts[0]! + index * spread);
  const steps = handshakes[protocol](own, resume, compressed);
  return new Client({ port, carrier }, steps, readers[0]!, onReady, onFailure);
}

/** One client in so many is read where latencies are measured. */
function sampledOf({ latency }: Opening): number {
  return typeof latency === 'number' ? latency : 1;
}

function readerOf(opening: Opening, number: number): Reader {
  if (!scales) return scannerOf(opening, number);
  if (number === 0) return scales.witness;
  return opening.weighed || number % sampledOf(opening) > 0 ? scales.add() : scannerOf(opening, number);
}

/** Event n goes to topic n % topics, and so to one client in `spread`. */
function scannerOf({ topics, topicsEach, next, latency }: Opening, number: number): Scanner {
  const spread = topics / topicsEach;
  const record = (published: number) => latencies.add((now ||= readClock()) - published);
  return new Scanner(next + (number % spread), spread, latency ? record : undefined);
}

/** Events of one turn of the event loop were received at the same time, as far as can be told. */
function readClock(): number {
  setImmediate(() => (now = 0));
  return microseconds();
}

/** Resolves once everyone has every event below `number`; returns when. */
async function until(number: number): Promise<number> {
  for (;;) {
    const { through, failure: reason } = progress();
    if (reason !== undefined) throw new Error(reason);
    if (through >= number && (scales?.areLevel ?? true)) return microseconds();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function close(): void {
  [...clients, ...stalled].forEach((client) => client.close());
  clients = [];
  stalled = [];
  scales = undefined;
  failure = undefined;
  noticed = -1;
}

setInterval(() => {
  if (clients.length === 0) return;
  const { through } = progress();
  if (through === noticed) return;
  noticed = through;
  notify(through);
}, noticeEvery);

answer({
  open,
  until,
  progress,
  close,
  mark: () => scales?.mark(),
  latencies: () => [0.5, 0.99, 0.999].map((share) => latencies.percentile(share)),
  forgetLatencies: () => latencies.reset(),
});
