import { PushError } from '../contracts/errors.js';
import { expiryOf, type Principal } from '../contracts/principal.js';
import { subjectsOf } from '../contracts/reserved.js';
import { overlaps } from '../contracts/topic.js';
import { identityOf } from './client-identity.js';
import { longestTimer } from '../contracts/option-checks.js';
import type { TransportName, WorkBudget } from '../contracts/connection.js';
import type { Account, ConnectionMeter, Metered } from './account.js';
import type { Limits } from './limits.js';
import { refusal } from './refusal.js';
import type { Proof, Sessions, User, UserConnection } from './sessions.js';
import type { AccessSubject } from './topic-access.js';

/** The connection of a session. */
export interface SessionClient {
  /** Whether something that it has received is still being handled. It calls `Session.rest` when that is done. */
  readonly isBusy?: boolean;
  /** The topics and patterns that it reads; `undefined` if they are not known. */
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

/** The rights and limits of one connection: its principal, when it expires, and how much of its rates it has used. */
export class Session implements AccessSubject, UserConnection {
  /** When it came, in milliseconds since 1970. */
  readonly since: number;
  /** `undefined` for an anonymous client, and for one that is yet to authenticate. */
  principal: Principal | undefined;
  /** Patterns that a ticket limits it to. */
  scope: readonly string[] | undefined;
  /** Grows with every change of its rights: a decision holds only for the revision that it was made for. */
  revision = 0;
  /** The token by which the client shows that it had a connection before. */
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
  /** The account of its principal; of its address, as long as it has no principal. */
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
    this.since = sessions.clock.date();
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
      this.sessions.clock.date() + this.limits.firstMessageTimeout,
      'No message has authenticated the connection in time.',
    );
  }

  /**
   * Sets the principal.
   *
   * @throws PushError `UNAUTHENTICATED` if the principal has expired, or was disconnected after the proof; `LIMIT_EXCEEDED` if the
   * principal has too many connections
   */
  identify({ principal, scope, authenticatedAt }: Proof): void {
    this.assertAlive();
    if (expiryOf(principal) <= this.sessions.clock.date()) throw expired();
    if (principal) this.belongTo(this.sessions.enter(this, principal.id, authenticatedAt));
    this.principal = principal;
    this.scope = scope ?? this.scope;
    this.clientId = undefined;
    this.isWaiting = false;
    this.revision++;
    this.sessions.clock.cancel(this.timer);
    this.endAt(expiryOf(principal), expiryMessage);
  }

  /**
   * The id of the client, which is the same on all its connections. A token of another principal is ignored.
   *
   * @param connection the id of the connection
   */
  clientIdOn(connection: string): string {
    return (this.clientId ??= identityOf(this.clientToken, connection, this.principal).id);
  }

  /** The token that the client is to bring to its next connections, so that they belong to the same client. */
  clientTokenOn(connection: string): string {
    return identityOf(this.clientToken, connection, this.principal).token;
  }

  /** The connection exists. If the session has ended meanwhile, the connection ends now. */
  attach(client: SessionClient): void {
    this.client = client;
    if (this.ending) client.fail(this.ending);
  }

  /** Whether it has ended. What was received before is still handled. */
  get hasEnded(): boolean {
    return this.ending !== undefined || this.isClosed;
  }

  /** The topics and patterns that its connection reads. */
  get topics(): readonly string[] {
    return this.client?.topics ?? [];
  }

  /** The budget that its work is charged to. It changes when the client authenticates. */
  get budget(): WorkBudget {
    return this.account;
  }

  /** Resolves when the next thing may be done for it; `undefined` if it may at once. */
  ready(): Promise<void> | undefined {
    return this.account.ready();
  }

  /**
   * Takes `count` from its rate, and from that of its principal.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  spend(what: Metered, count = 1): void {
    if (this.metered.of(what).take(count) && this.account.take(what, count)) return;
    throw refusal(what, count, this.limits);
  }

  /**
   * As `spend`, for what undoes an earlier request: the rate may go below zero by its burst, and the next requests wait for
   * that. So a client can always undo what it was granted.
   *
   * @throws PushError `LIMIT_EXCEEDED`
   */
  settle(what: 'subscribe', count: number): void {
    const { subscribe, subscribePerPrincipal } = this.limits;
    const isWithin = this.metered.of(what).take(count, subscribe.burst);
    if (isWithin && this.account.take(what, count, subscribePerPrincipal.burst)) return;
    throw refusal(what, count, this.limits);
  }

  /** Takes one from its rate. Returns whether the rate allows it. */
  isWithin(what: Metered): boolean {
    return this.metered.of(what).take();
  }

  /** @throws PushError that says why nothing may be done for it: it has ended, or is yet to authenticate */
  assertOpen(): void {
    this.assertAlive();
    if (this.isWaiting) throw new PushError('UNAUTHENTICATED', 'Send "authenticate" with a token first.');
  }

  /** Ends the subscriptions that overlap `pattern`. */
  revoke(pattern: string): void {
    this.revision++;
    const topics = this.client?.topics;
    const lost = topics?.filter((topic) => concerns(topic, pattern));
    if (lost?.length !== 0) this.drop(lost ?? [pattern]);
  }

  /** Ends the subscriptions to these topics; the whole connection if its transport cannot do that. */
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

  /** Gives everything back: the connection is closed, or was refused. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.sessions.clock.cancel(this.timer);
    this.leaveAccount();
    this.release();
  }

  private get metered(): ConnectionMeter {
    return (this.meter ??= this.account.lend());
  }

  /** From now on, its work is charged to the account of `user`. */
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
    const { clock } = this.sessions;
    const rest = time - clock.date();
    this.timer = clock.after(Math.min(Math.max(rest, 0), longestTimer), () => {
      if (rest > longestTimer) this.endAt(time, message);
      else this.end(new PushError('UNAUTHENTICATED', message));
    });
  }
}

/** Reserved topics may be about any others. */
const anywhere = { presence: ['>'], finite: ['>'] };

/** Whether a right to `topic` goes with the right to `pattern`: presence and runs may be read with the topics that they are about. */
function concerns(topic: string, pattern: string): boolean {
  const subjects = subjectsOf(topic, anywhere) ?? [];
  return overlaps(topic, pattern) || subjects.some((about) => overlaps(about, pattern));
}

const expiryMessage = 'The authentication has expired. Come back with a new token.';

function expired(): PushError {
  return new PushError('UNAUTHENTICATED', expiryMessage);
}
