import { PushError } from '../contracts/errors.js';
import { expiryOf, type Principal } from '../contracts/principal.js';
import { overlaps } from '../contracts/topic.js';
import { longestTimeout } from './deadline.js';
import type { TransportName } from '../contracts/connection.js';
import type { Limits, Rate } from './limits.js';
import type { Member, Proof, Sessions, User } from './sessions.js';
import { TokenBucket } from './token-bucket.js';
import type { Asking } from './topic-access.js';

/** The connection that a session is about, as its transport keeps it. */
export interface SessionClient {
  /** What it gets; `undefined` where the transport does not know. */
  readonly topics: readonly string[] | undefined;
  /** Ends it, and says why. Idempotent. */
  fail(error: PushError): void;
  /**
   * Stops sending some of its topics, and says so. Where a transport cannot do that, the connection ends.
   *
   * @param isUndecided it may ask for them again: nobody has said no
   */
  revoke?(topics: readonly string[], isUndecided?: boolean): void;
}

/** What a client may do so often. */
export type Metered = 'messages' | 'subscribe' | 'publish';

/** One connection as far as rights and limits go: who it is, until when, and how much of its share it has used. */
export class Session implements Asking, Member {
  /** `undefined` for an anonymous client, and for one that has yet to say who it is. */
  principal: Principal | undefined;
  within: readonly string[] | undefined;
  /** Counts what may have changed its rights while somebody decides about them. */
  revision = 0;
  private user: User | undefined;
  private client: SessionClient | undefined;
  private error: PushError | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isWaiting = false;
  private isClosed = false;
  private readonly buckets: { [what in Metered]?: TokenBucket } = {};

  /** @param release gives its place back */
  constructor(
    readonly transport: TransportName,
    readonly address: string,
    private readonly sessions: Sessions,
    readonly limits: Limits,
    private readonly release: () => void,
  ) {}

  /** Whether the client has to authenticate by a message before anything else. */
  get isPending(): boolean {
    return this.isWaiting;
  }

  /** When the connection ends, in milliseconds since 1970; `undefined` if it does not. */
  get expiresAt(): number | undefined {
    const expiry = expiryOf(this.principal);
    return expiry === Infinity ? undefined : expiry;
  }

  /** Waits for the message that authenticates it, and ends the connection if it does not come in time. */
  awaitFirstMessage(): void {
    this.isWaiting = true;
    this.endAt(
      Date.now() + this.limits.firstMessageTimeout,
      'No message has authenticated the connection in time.',
    );
  }

  /**
   * Takes note of who it is, from now on.
   *
   * @throws PushError `UNAUTHENTICATED` if the proof has expired, or does not count any more; `LIMIT_EXCEEDED` if the
   * principal has too many connections
   */
  identify({ principal, within, provenAt }: Proof): void {
    this.assertAlive();
    if (expiryOf(principal) <= Date.now()) throw expired();
    if (principal) this.user = this.sessions.enter(this, principal.id, provenAt);
    this.principal = principal;
    this.within = within ?? this.within;
    this.isWaiting = false;
    this.revision++;
    clearTimeout(this.timer);
    this.endAt(expiryOf(principal), expiryMessage);
  }

  /** The connection exists. What was to be said to it before is said now. */
  attach(client: SessionClient): void {
    this.client = client;
    if (this.error) client.fail(this.error);
  }

  /** What its connection gets. */
  get topics(): readonly string[] {
    return this.client?.topics ?? [];
  }

  /**
   * Counts `count` of something against its share, and its principal's.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  spend(what: Metered, count = 1): void {
    const own = (this.buckets[what] ??= new TokenBucket(this.limits[what]));
    const shared = what === 'messages' ? undefined : this.user?.buckets[what];
    if (own.take(count) && (shared?.take(count) ?? true)) return;
    throw new PushError('LIMIT_EXCEEDED', `${refusals[what]} ${allowance(this.limits[what])}.`);
  }

  /** Counts one of something; returns whether it is still within the limit. */
  isWithin(what: Metered): boolean {
    return (this.buckets[what] ??= new TokenBucket(this.limits[what])).take();
  }

  /** @throws PushError why it may do nothing: it has ended, or is yet to authenticate */
  assertOpen(): void {
    this.assertAlive();
    if (this.isWaiting) throw new PushError('UNAUTHENTICATED', 'Send "authenticate" with a token first.');
  }

  /** Takes away what `pattern` shares a topic with. */
  revoke(pattern: string): void {
    this.revision++;
    const topics = this.client?.topics;
    const lost = topics?.filter((topic) => overlaps(topic, pattern));
    if (lost?.length !== 0) this.drop(lost ?? [pattern]);
  }

  /** Takes these topics away: alone if the transport can, with the connection otherwise. */
  drop(topics: readonly string[], isUndecided = false): void {
    if (this.client?.revoke) this.client.revoke(topics, isUndecided);
    else this.end(new PushError('FORBIDDEN', `No longer allowed to read ${topics.join(', ')}.`));
  }

  /** Ends the connection. */
  end(error: PushError): void {
    if (this.error || this.isClosed) return;
    this.revision++;
    this.error = error;
    this.client?.fail(error);
  }

  /** The connection is gone, or will never be. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    if (this.user) this.sessions.leave(this, this.user);
    this.release();
  }

  private assertAlive(): void {
    if (this.error) throw this.error;
    if (this.isClosed) throw new PushError('CLOSED', 'The connection is closing.');
  }

  private endAt(time: number, message: string): void {
    if (time === Infinity || this.isClosed) return;
    const rest = time - Date.now();
    this.timer = setTimeout(
      () => {
        if (rest > longestTimeout) this.endAt(time, message);
        else this.end(new PushError('UNAUTHENTICATED', message));
      },
      Math.min(Math.max(rest, 0), longestTimeout),
    ).unref();
  }
}

const refusals: Record<Metered, string> = {
  messages: 'Too many frames. A connection may send',
  subscribe: 'Subscribed to too many topics too fast. A connection may ask for',
  publish: 'Published too fast. A connection may publish',
};

function allowance({ perSecond, burst }: Rate): string {
  return `${perSecond} a second, ${burst} at once; a user's connections share a limit of their own`;
}

const expiryMessage = 'The authentication has expired. Come back with a new token.';

function expired(): PushError {
  return new PushError('UNAUTHENTICATED', expiryMessage);
}
