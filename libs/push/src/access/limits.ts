import { refuse, unknownOption } from '../contracts/option-checks.js';

/** A token bucket: `burst` at once, refilled with `perSecond`. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * What one client, or all together, may take of a node. `Infinity` lifts a limit. PROTOCOL.md "Limits" says what a client
 * hears when it reaches one.
 */
export interface LimitOptions {
  /** Push connections of this node together, of both transports. Default: 20,000. */
  readonly connections?: number;
  /** Of one client address (of one /64 network, with IPv6). Behind a proxy, set `trustedProxies`. Default: 1,000. */
  readonly connectionsPerAddress?: number;
  /** Of one principal, on this node. Default: 100. */
  readonly connectionsPerPrincipal?: number;
  /** Clients whose authentication is under way; others are told to come back. Default: 1,000. */
  readonly pendingHandshakes?: number;
  /**
   * How long a new connection to the HTTP server may take to agree on TLS, and then to send the head of its first request, in
   * milliseconds each. It concerns every connection of the server, since nobody knows yet what it is for. Default: 20,000.
   */
  readonly handshakeTimeout?: number;
  /** How long the authenticator, or a topic policy, may take to answer, in milliseconds. Default: 10,000. */
  readonly decisionTimeout?: number;
  /** How long a client may take to send the message that authenticates it, in milliseconds. Default: 10,000. */
  readonly firstMessageTimeout?: number;
  /**
   * How long a client may take nothing of what waits for it, in milliseconds, to the next heartbeat. What waits is 64 KiB, or
   * one event if that is larger. Default: 60,000.
   */
  readonly stallTimeout?: number;
  /**
   * Frames of one WebSocket, pings and pongs included. Default: 200 a second, 2,000 at once. Of this rate and the two other
   * ones of a connection, what a connection has used is taken over by the next one of its principal, or of its address.
   */
  readonly messages?: Rate;
  /** Topics that one connection subscribes to, or unsubscribes from. Default: 100 a second, 1,000 at once. */
  readonly subscribe?: Rate;
  /** The same of one principal, on this node, over all its connections. Default: 500 a second, 5,000 at once. */
  readonly subscribePerPrincipal?: Rate;
  /** Events that one connection publishes. Default: 20 a second, 100 at once. */
  readonly publish?: Rate;
  /** The same of one principal, on this node, over all its connections. Default: 50 a second, 250 at once. */
  readonly publishPerPrincipal?: Rate;
  /**
   * What one principal, or one address for clients that are nobody, may cost this node, in units of work: tokens of patterns
   * that are compared, events of the past that are looked at; about a tenth of a microsecond to a whole one each. Who has used
   * it up waits, and is refused nothing. Live delivery costs nothing. Default: 1,000,000 a second, 5,000,000 at once.
   */
  readonly work?: Rate;
  /**
   * How many of a connection's patterns may have a wildcard anywhere but in their last token (`orders.*.items`). Those are
   * what takes the most time to match, and memory. Default: 32.
   */
  readonly innerWildcards?: number;
  /** Length of the query of the SSE endpoint, in bytes. Default: 8,192. */
  readonly queryBytes?: number;
  /** How deep objects and arrays may be nested in a client's message. Default: 32. */
  readonly jsonDepth?: number;
}

const defaults: Limits = {
  connections: 20_000,
  connectionsPerAddress: 1_000,
  connectionsPerPrincipal: 100,
  pendingHandshakes: 1_000,
  handshakeTimeout: 20_000,
  decisionTimeout: 10_000,
  firstMessageTimeout: 10_000,
  stallTimeout: 60_000,
  messages: { perSecond: 200, burst: 2_000 },
  subscribe: { perSecond: 100, burst: 1_000 },
  subscribePerPrincipal: { perSecond: 500, burst: 5_000 },
  publish: { perSecond: 20, burst: 100 },
  publishPerPrincipal: { perSecond: 50, burst: 250 },
  work: { perSecond: 1_000_000, burst: 5_000_000 },
  innerWildcards: 32,
  queryBytes: 8_192,
  jsonDepth: 32,
};

/** The limits that hold. */
export type Limits = Required<LimitOptions>;

/**
 * Fills in the defaults.
 *
 * @throws PushError `INVALID_OPTION` for what is no positive number: a limit that is `NaN` would hold nobody
 */
export function limitsOf(options: LimitOptions = {}): Limits {
  if (typeof options !== 'object' || options === null) refuse('limits', options, 'an object');
  for (const name of Object.keys(options))
    if (!Object.hasOwn(defaults, name)) throw unknownOption(`limits.${name}`, name, Object.keys(defaults));
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const limits = { ...defaults, ...Object.fromEntries(given) } as Limits;
  for (const [name, standard] of Object.entries<number | Rate>(defaults)) {
    const value: unknown = limits[name as keyof Limits];
    const isRate = typeof standard === 'object';
    const { perSecond, burst } = (isRate ? (value ?? {}) : {}) as Partial<Rate>;
    if ((isRate ? [perSecond, burst] : [value]).every(isPositive)) continue;
    const rule = isRate ? 'two positive numbers, perSecond and burst' : 'a positive number';
    refuse(`limits.${name}`, value, `${rule}; Infinity lifts it`);
  }
  return limits;
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}
