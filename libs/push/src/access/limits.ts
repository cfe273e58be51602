import { longestTimer, refuse, unknownOption } from '../contracts/option-checks.js';

/** A token bucket of `burst` tokens, refilled with `perSecond` tokens a second. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * How much of a node one client, or all clients together, may use. `Infinity` lifts a limit; one of time is then 24.8 days, the
 * longest that a timer of Node can wait. PROTOCOL.md "Limits" says what a client is told when it reaches one.
 */
export interface LimitOptions {
  /** Push connections of this node, over all transports. Default: 20,000. */
  readonly connections?: number;
  /** Connections of one client address (with IPv6: of one /64 network). If there is a proxy, set `trustedProxies`. Default: 1,000. */
  readonly connectionsPerAddress?: number;
  /** Connections of one principal, on this node. Default: 100. */
  readonly connectionsPerPrincipal?: number;
  /** Clients that are being authenticated at the same time; more are told to come back. Default: 1,000. */
  readonly pendingHandshakes?: number;
  /**
   * How long a new connection to the HTTP server may take for its TLS handshake, and then to send the head of its first request,
   * in milliseconds each. It holds for every connection of the server, also for those of other routes. Default: 20,000.
   */
  readonly handshakeTimeout?: number;
  /** How long the authenticator, or a topic policy, may take to answer, in milliseconds. Default: 10,000. */
  readonly decisionTimeout?: number;
  /** How long a client may take to send its `authenticate` message, in milliseconds. Default: 10,000. */
  readonly firstMessageTimeout?: number;
  /**
   * How long a client may read nothing although data waits for it, in milliseconds; checked at each heartbeat. At most 64 KiB
   * wait, or one event if that is larger. Default: 60,000.
   */
  readonly stallTimeout?: number;
  /**
   * How old a connection gets, in milliseconds, before its client is told to come back: then clients spread over nodes that were
   * added later. Each goes on at a random age from half of it to the whole, at its next heartbeat, and resumes where it was; see
   * docs/deploying.md. A minute or more is sensible. Default: `Infinity`, as long as the client likes.
   */
  readonly connectionAge?: number;
  /**
   * Frames of one WebSocket, pings and pongs included. Default: 200 a second, 2,000 at once. A new connection takes over what
   * an earlier one of its principal, or of its address, has used of the rates `messages`, `subscribe` and `publish`.
   */
  readonly messages?: Rate;
  /** Topics that one connection subscribes to, or unsubscribes from. Default: 100 a second, 1,000 at once. */
  readonly subscribe?: Rate;
  /** The same for one principal, on this node, over all its connections. Default: 500 a second, 5,000 at once. */
  readonly subscribePerPrincipal?: Rate;
  /** Events that one connection publishes. Default: 20 a second, 100 at once. */
  readonly publish?: Rate;
  /** The same for one principal, on this node, over all its connections. Default: 50 a second, 250 at once. */
  readonly publishPerPrincipal?: Rate;
  /**
   * How much work one principal (anonymous clients: one address) may cause on this node. Units of work are tokens of patterns
   * that are compared and past events that are examined; each takes 0.1 to 1 microsecond. A client that has used up its work
   * has to wait; it is not refused. Live delivery costs nothing. Default: 1,000,000 a second, 5,000,000 at once.
   */
  readonly work?: Rate;
  /**
   * How many of a connection's patterns may have a wildcard before their last token (`orders.*.items`). Those patterns take
   * the most time and memory. Default: 32.
   */
  readonly innerWildcards?: number;
  /** Longest query of the SSE endpoint, in bytes. Default: 8,192. */
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
  connectionAge: Infinity,
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

/** The limits that timers wait for. */
const times = ['handshakeTimeout', 'decisionTimeout', 'firstMessageTimeout', 'stallTimeout'] as const;

/**
 * Fills in the defaults, and shortens times that no timer can wait for: Node would call back at once.
 *
 * @throws PushError `INVALID_OPTION` for a value that is not a positive number: a limit of `NaN` would limit nothing
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
  const timed = times.map((name) => [name, Math.min(limits[name], longestTimer)]);
  return { ...limits, ...Object.fromEntries(timed) } as Limits;
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}
