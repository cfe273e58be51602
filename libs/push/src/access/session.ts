import { PushError } from '../contracts/errors.js';
import { expiryOf, type Principal } from '../contracts/principal.js';
import { overlaps } from '../contracts/topic.js';
import { identityOf } from './client-identity.js';
import { longestTimeout } from './deadline.js';
import type { TransportName, WorkBudget } from '../contracts/connection.js';
import type { Account, ConnectionMeter, Metered } from './account.js';
import type { Limits } from './limits.js';
import { refusal } from './refusal.js';
import type { Member, Proof, Sessions, User } from './sessions.js';
import type { Asking } from './topic-access.js';

/** The connection that a session is about, as its transport keeps it. */
export interface SessionClient {
  /** Something that it has received is still being handled. It calls `Session.rest` when that is over. */
  readonly isBusy?: boolean;
  /** What it gets; `undefined` where the transport does not know. */
  readonly topics: readonly string[] | undefined;
  /** Ends it, and says why. Idempotent. */
  fail(error: PushError): void;
  /**
   * Stops sending some of its topics, and says so. Returns `false` where it cannot: then the connection ends. Missing: it
   * never can.
   *
   * @param isUndecided it may ask for them again: the right to them could not be examined
   */
  revoke?(topics: readonly string[], isUndecided?: boolean): boolean;
}

/** One connection as far as rights and limits go: who it is, until when, and how much of its share it has used. */
export class Session implements Asking, Member {
  /** `undefined` for an anonymous client, and for one that has yet to say who it is. */
  principal: Principal | undefined;
  within: readonly string[] | undefined;
  /** Counts what may have changed its rights while somebody decides about them. */
  revision = 0;
  /** By what the client says that it had a connection before. */
  clientToken: string | undefined;
  private clientId: string | undefined;
  private user: User | undefined;
  private client: SessionClient | undefined;
  /** Why it ends. */
  private ending: PushError | undefined;
  /** The same, once all that came before is handled. */
  private error: PushError | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isWaiting = false;
  private isClosed = false;
  /** Of its principal, or of its address as long as it is nobody. */
  private account: Account;
  private meter: ConnectionMeter | undefined;

  /** @param release gives its place back */
  constructor(
    readonly transport: TransportName,
    readonly address: string,
    private readonly sessions: Sessions,
    readonly limits: Limits,
    private readonly release: () => void,
  ) {
    this.account = sessions.accounts.ofAddress(address);
  }

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
    if (principal) this.belongTo(this.sessions.enter(this, principal.id, provenAt));
    this.principal = principal;
    this.within = within ?? this.within;
    this.clientId = undefined;
    this.isWaiting = false;
    this.revision++;
    clearTimeout(this.timer);
    this.endAt(expiryOf(principal), expiryMessage);
  }

  /**
   * Names the client in all its connections: as it says, if that is its principal's; otherwise it is somebody new.
   *
   * @param connection the id of the connection
   */
  clientIdOn(connection: string): string {
    return (this.clientId ??= identityOf(this.clientToken, connection, this.principal).id);
  }

  /** What the client is to bring on its next connections, so that they are of the same client. */
  clientTokenOn(connection: string): string {
    return identityOf(this.clientToken, connection, this.principal).token;
  }

  /** The connection exists. What was to be said to it before is said now. */
  attach(client: SessionClient): void {
    this.client = client;
    if (this.ending) client.fail(this.ending);
  }

  /** Whether it has ended: what comes now comes too late, and what came before is still handled. */
  get hasEnded(): boolean {
    return this.ending !== undefined || this.isClosed;
  }

  /** What its connection gets. */
  get topics(): readonly string[] {
    return this.client?.topics ?? [];
  }

  /** What it causes is charged here, and delays what it asks for next. It is another one once the client is somebody. */
  get budget(): WorkBudget {
    return this.account;
  }

  /** Resolves when the next thing may be done for it; `undefined` if it may at once. */
  ready(): Promise<void> | undefined {
    return this.account.ready();
  }

  /**
   * Counts `count` of something against its share, and its principal's.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  spend(what: Metered, count = 1): void {
    if (this.metered.of(what).take(count) && this.account.take(what, count)) return;
    throw refusal(what, count, this.limits);
  }

  /**
   * As `spend`, for what makes less work of what was asked for before: that is refused to nobody who had it granted, and is
   * paid for by what is asked for next.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  settle(what: 'subscribe', count: number): void {
    const { subscribe, subscribePerPrincipal } = this.limits;
    const isWithin = this.metered.of(what).take(count, subscribe.burst);
    if (isWithin && this.account.take(what, count, subscribePerPrincipal.burst)) return;
    throw refusal(what, count, this.limits);
  }

  /** Counts one of something; returns whether it is still within the limit. */
  isWithin(what: Metered): boolean {
    return this.metered.of(what).take();
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
    if (!this.client?.revoke?.(topics, isUndecided))
      this.end(new PushError('FORBIDDEN', `No longer allowed to read ${topics.join(', ')}.`));
  }

  /** Ends the connection. What it has received before is still handled. */
  end(error: PushError): void {
    if (this.ending || this.isClosed) return;
    this.revision++;
    this.ending = error;
    this.client?.fail(error);
    if (!this.client?.isBusy) this.rest();
  }

  /** Nothing is being handled any more. */
  rest(): void {
    this.error = this.ending;
  }

  /** The connection is gone, or will never be. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    this.leaveAccount();
    this.release();
  }

  private get metered(): ConnectionMeter {
    return (this.meter ??= this.account.lend());
  }

  /** From now on, what it does is another's account. */
  private belongTo(user: User): void {
    if (user === this.user) return;
    this.leaveAccount();
    this.user = user;
    this.account = user.account;
  }

  private leaveAccount(): void {
    if (this.meter) this.account.restore(this.meter);
    this.meter = undefined;
    if (this.user) this.sessions.leave(this, this.user);
    else this.sessions.accounts.release(this.account);
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

const expiryMessage = 'The authentication has expired. Come back with a new token.';

function expired(): PushError {
  return new PushError('UNAUTHENTICATED', expiryMessage);
}
