import { microseconds } from '../event.js';
import type { EventKind } from '../application-events.js';
import { answer, notify } from '../remote.js';
import { Client } from './client.js';
import { handshakes, type Protocol } from './handshakes.js';
import { Histogram } from './histogram.js';
import { chunk, message } from './parts.js';
import { Scanner } from './scanner.js';
import type { Reader } from './reader.js';
import { Scales, Witness } from './weighing.js';

/** Which connections to open. */
export interface Opening {
  readonly port: number;
  readonly protocol: Protocol;
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

/** Connections that are being opened at a time. */
const concurrency = 256;

/** Milliseconds between two notices of progress: the server keeps a bounded number of events on the way. */
const noticeEvery = 4;

const latencies = new Histogram();
let clients: Client[] = [];
let stalled: Client[] = [];
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
  const { port, protocol, count, topics, topicsEach, next, resume, latency, weighed, compressed } = opening;
  // Event n goes to topic n % topics, and so to one client in `spread`.
  const spread = topics / topicsEach;
  const list = opening.stalled ? stalled : clients;
  const record = (published: number) => latencies.add((now ||= readClock()) - published);
  const scanner = (first: number) => new Scanner(next + first, spread, latency ? record : undefined);
  const sampled = typeof latency === 'number' ? latency : 1;
  if (weighed) scales = new Scales(new Witness(weighed, protocol === 'sse' ? chunk : message));
  else if (sampled > 1) scales = new Scales(scanner(0));
  const readerOf = (number: number, first: number): Reader => {
    if (!scales) return scanner(first);
    if (number === 0) return scales.witness;
    return weighed || number % sampled > 0 ? scales.add() : scanner(first);
  };
  let started = 0;
  const one = async (): Promise<void> => {
    while (started < count) {
      const number = started++;
      const first = number % spread;
      const own = Array.from({ length: topicsEach }, (_, index) => first + index * spread);
      const reader = readerOf(number, first);
      const steps = handshakes[protocol](own, resume, compressed);
      await new Promise<void>((resolve, reject) => {
        const client = new Client(port, steps, reader, resolve, (error) => {
          failure ??= error.message;
          reject(error);
        });
        list.push(client);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, one));
  if (opening.stalled) stalled.forEach((client) => client.stall());
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
