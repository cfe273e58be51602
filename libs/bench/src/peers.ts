import type { Carrier } from './carrier.js';
import { nchanModule } from './server/nchan-module.js';
import { builtUws } from './server/uws-program.js';
import type { Protocol } from './generator/handshakes.js';

/** A server under test. */
export interface Peer {
  /** For the command line and the results. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly transport: 'SSE' | 'WebSocket';
  readonly protocol: Protocol;
  /** In `servers/`. */
  readonly file: string;
  readonly platform?: 'express' | 'fastify';
  /** What carries its clients. Default: HTTP/1.1 in clear text. */
  readonly carrier?: Carrier;
  /** How many clients share a connection of HTTP/2. Default: each has its own. */
  readonly streams?: number;
  /** `ours`, someone to compare with, or a limit that nobody passes. */
  readonly role: 'ours' | 'peer' | 'control';
  /** Options of Node that its server is started with. */
  readonly execArgv?: readonly string[];
}

const hasNchan = nchanModule() !== undefined;

const sse = { transport: 'SSE', protocol: 'sse' } as const;
const websocket = { transport: 'WebSocket', protocol: 'websocket' } as const;

export const peers: readonly Peer[] = [
  {
    ...sse,
    name: 'push-sse',
    title: 'nestjs-push, Fastify',
    file: 'push',
    platform: 'fastify',
    role: 'ours',
  },
  {
    ...sse,
    name: 'push-sse-express',
    title: 'nestjs-push, Express',
    file: 'push',
    platform: 'express',
    role: 'ours',
  },
  { ...sse, name: 'shared-sse', title: 'control: one shared buffer', file: 'shared-sse', role: 'control' },
  { ...sse, name: 'raw-http', title: 'node:http by hand', file: 'raw-http', role: 'peer' },
  { ...sse, name: 'better-sse', title: 'better-sse', file: 'better-sse', role: 'peer' },
  { ...sse, name: 'fastify-sse', title: '@fastify/sse', file: 'fastify-sse', role: 'peer' },
  {
    ...sse,
    name: 'nest-sse',
    title: 'Nest @Sse(), Fastify',
    file: 'nest-sse',
    platform: 'fastify',
    role: 'peer',
  },
  {
    ...sse,
    name: 'nest-sse-express',
    title: 'Nest @Sse(), Express',
    file: 'nest-sse',
    platform: 'express',
    role: 'peer',
  },
  ...(hasNchan
    ? [{ ...sse, name: 'nchan-sse', title: 'nginx + nchan', file: 'nchan', role: 'peer' } as const]
    : []),
  {
    ...websocket,
    name: 'push-ws',
    title: 'nestjs-push',
    file: 'push',
    platform: 'fastify',
    protocol: 'push',
    role: 'ours',
  },
  {
    ...websocket,
    name: 'shared-ws',
    title: 'control: one shared buffer',
    file: 'shared-ws',
    role: 'control',
  },
  { ...websocket, name: 'raw-ws', title: 'ws by hand', file: 'raw-ws', role: 'peer' },
  {
    ...websocket,
    name: 'socket-io',
    title: 'Socket.IO',
    file: 'socket-io',
    protocol: 'socketIo',
    role: 'peer',
  },
  { ...websocket, name: 'nest-ws', title: 'Nest WsAdapter', file: 'nest-ws', role: 'peer' },
  ...(hasNchan
    ? [{ ...websocket, name: 'nchan-ws', title: 'nginx + nchan', file: 'nchan', role: 'peer' } as const]
    : []),
];

const ours = peers.find(({ name }) => name === 'push-ws')!;

/** The same server with a larger young generation (V8), which is collected less often. */
const withLargeYoungGeneration: Peer = {
  ...ours,
  name: 'push-ws-young',
  title: 'nestjs-push, --max-semi-space-size=64',
  execArgv: ['--max-semi-space-size=64'],
};

/** In C++; `undefined` unless it was built. It has one topic, and a pace of its own. */
export const uws: Peer | undefined =
  builtUws() === undefined
    ? undefined
    : { ...websocket, name: 'uws', title: 'uWebSockets, C++', file: 'uws', role: 'peer' };

/** Servers that are measured in some scenarios only. */
const special: readonly Peer[] = [withLargeYoungGeneration, ...(uws ? [uws] : [])];

const push = { ...sse, file: 'push', platform: 'fastify', role: 'ours' } as const;

/** nestjs-push, by what carries its clients. */
export const carried: readonly Peer[] = [
  { ...push, name: 'push-https', title: 'HTTP/1.1 over TLS', carrier: 'https' },
  { ...push, name: 'push-h2', title: 'HTTP/2 over TLS', carrier: 'h2' },
  { ...push, name: 'push-h2-100', title: 'HTTP/2 over TLS, 100 streams each', carrier: 'h2', streams: 100 },
  { ...push, name: 'push-h2c', title: 'HTTP/2 in clear text', carrier: 'h2c' },
  {
    ...push,
    name: 'push-h2c-100',
    title: 'HTTP/2 in clear text, 100 streams each',
    carrier: 'h2c',
    streams: 100,
  },
];

const known = [...peers, ...carried, ...special];

export function peerNamed(name: string): Peer {
  const peer = known.find((each) => each.name === name);
  if (!peer) throw new Error(`${name} is none of ${known.map((each) => each.name).join(', ')}.`);
  return peer;
}
