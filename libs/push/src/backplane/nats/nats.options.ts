import type { JetStreamManagerOptions } from '@nats-io/jetstream';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import {
  callable,
  checkedElsewhere,
  checkOptions,
  list,
  number,
  oneOf,
  refuse,
  text,
  type Checks,
} from '../../contracts/option-checks.js';
import { waitChecks, type WaitLimits } from '../kit/append-queue.js';

/** What `natsBackplane()` takes. Everything has a default; say where NATS is with `servers`, `connection` or `connect`. */
export interface NatsBackplaneOptions extends WaitLimits {
  /** `nats://host:4222`, or several of a cluster; `tls://` for TLS. Default: `nats://127.0.0.1:4222`. */
  readonly servers?: string | string[];
  /** More about the connection: credentials, TLS, as @nats-io/transport-node takes them. */
  readonly connection?: NodeConnectionOptions;
  /** Makes the connection, instead of `servers`. The backplane closes what this returns, and asks again when it is closed. */
  readonly connect?: () => Promise<NatsConnection>;
  /** A JetStream domain or API prefix, where the account needs one. */
  readonly jetstream?: Pick<JetStreamManagerOptions, 'domain' | 'apiPrefix'>;
  /**
   * The name of the JetStream stream, which is also what its subjects begin with: one log for each. It is made if there
   * is none. Letters, digits, `-` and `_`. Default: `push`.
   */
  readonly stream?: string;
  /** Where a stream that is made keeps its events: `memory` ends with the server. Default: `file`. */
  readonly storage?: 'file' | 'memory';
  /** On how many servers a stream that is made keeps them, 1 to 5. Default: 1. */
  readonly replicas?: number;
  /** Bound on the stream, in bytes; when it is reached, the oldest events go, of whatever topic, ends too. Default: none. */
  readonly maxBytes?: number;
  /**
   * How long the stream keeps what topics no longer promise, in milliseconds. It tells from that which clients missed
   * something: who was away for longer is told so, whether it is true or not. Default: 86,400,000 (a day), and at least
   * twice the longest `age` of the module's retention.
   */
  readonly remember?: number;
  /**
   * How many events of a topic the stream holds. The stream is also what nodes tail: an event must not leave it before all
   * nodes have read it, however many of its topic are published at once. Topics so keep more than their retention says.
   * Default: 10,000, and at least twice the most `events` of the module's retention.
   */
  readonly perTopic?: number;
  /** How long a `messageId` is remembered, in milliseconds. The server keeps them in memory. Default: 120,000. */
  readonly rememberMessageIds?: number;
}

const servers = list(text, 'an address, or a list of addresses');

const checks: Checks<NatsBackplaneOptions> = {
  ...waitChecks,
  servers: (value, name) => (typeof value === 'string' ? text : servers)(value, name),
  // The clients of NATS look at what is their own.
  connection: checkedElsewhere,
  connect: callable('a function that returns a promise of a connection'),
  jetstream: checkedElsewhere,
  stream: (value, name) => {
    const isName = typeof value === 'string' && /^[A-Za-z0-9_-]+$/.test(value);
    if (value !== undefined && !isName) refuse(name, value, 'letters, digits, "-" and "_"');
  },
  storage: oneOf('file', 'memory'),
  replicas: number({ least: 1, most: 5 }),
  maxBytes: number({ least: 1, of: 'bytes' }),
  remember: number({ least: 1, infinite: true, whole: false, of: 'milliseconds' }),
  perTopic: number({ least: 1, infinite: true, of: 'events' }),
  rememberMessageIds: number({ least: 1, whole: false, of: 'milliseconds' }),
};

/** @throws PushError `INVALID_OPTION` */
export function checkNatsOptions(options: NatsBackplaneOptions): void {
  checkOptions(options, checks);
}
