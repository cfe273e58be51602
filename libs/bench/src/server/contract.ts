import type { Server } from 'node:net';
import type { Carrier } from '../carrier.js';
import type { EventKind } from '../application-events.js';

/** What a server is started with. */
export interface ServerOptions {
  readonly topics: number;
  /** `express` or `fastify`, where a server can be built on either. */
  readonly platform: 'express' | 'fastify';
  /** What carries the requests of its clients. Default: HTTP/1.1 in clear text. */
  readonly carrier?: Carrier;
  /** Events kept of each topic, where there is a history. Default: the server's own. */
  readonly retained?: number;
  /** Its topics are state topics, where a server has some. */
  readonly state?: boolean;
  /** It reports metrics and makes spans, where a server can: of all events or 1 % of them; or has only what each tracing needs, a context. */
  readonly tracing?: 'all' | 'sampled' | 'context';
  /** It compresses for clients that offer it, where a server can. Default: its own. */
  readonly compression?: boolean;
  /** Application events of this kind are published. Default: the event that the load generator verifies at every client. */
  readonly events?: EventKind;
  /** It knows who reads each topic, where a server can; with `counts`, only how many do. */
  readonly presence?: boolean | { readonly counts: true };
}

/** How fast to publish, one event at a time, and for how long. */
export interface Rate {
  readonly perSecond: number;
  readonly milliseconds: number;
}

/** What processes use: CPU time in microseconds, resident memory in bytes. */
export interface Footprint {
  readonly cpu: number;
  readonly rss: number;
}

/** A server under test. Each is one small file in `servers/`, written as its own documentation recommends. */
export interface BenchServer {
  /** What to listen with; or the port of a server that listens elsewhere. */
  readonly http?: Server;
  readonly port?: number;
  /** Of that server's processes. */
  footprint?(): Footprint;
  /** Sends an event to everyone who has the topic. */
  publish(event: object, topic: number): unknown;
  /** Publishes at a fixed rate, where the server does that itself. Returns the number of the next event. */
  rate?(pace: Rate): Promise<number>;
  /** How many clients are known to read a topic, where there is presence. */
  present?(topic: number): number;
  /** Takes the state of a topic away, where there is state. */
  remove?(topic: number): unknown;
  /** The id of the newest event, where clients can resume. */
  position?(): string;
  /** Connects something that reads within the process. Returns how many events it has got. */
  listen?(): () => number;
}

export type StartServer = (options: ServerOptions) => Promise<BenchServer>;
