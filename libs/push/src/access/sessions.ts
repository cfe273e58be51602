import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../contracts/clock.js';
import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import type { Account } from './account.js';
import { Accounts } from './accounts.js';
import type { Limits } from './limits.js';
import { preciseTime } from './precise-time.js';
import { longestTicket } from './push-tickets.js';

/** The outcome of an authentication. */
export interface Proof {
  readonly principal: Principal | undefined;
  /** When the authentication began (`preciseTime`). A revocation of the principal after that time holds for it. */
  readonly authenticatedAt: number;
  /** Patterns that a ticket limits it to. Default: no limit. */
  readonly scope?: readonly string[];
}

/** A connection of a principal, as far as it can be revoked. */
export interface UserConnection {
  /** Ends it. */
  end(error: PushError): void;
  /** Ends the subscriptions that overlap `pattern`. */
  revoke(pattern: string): void;
}

/** The connections of one principal on this node, and what they have used. */
export interface User {
  readonly id: string;
  readonly members: Set<UserConnection>;
  readonly account: Account;
}

/** The connections of this node, by principal. */
@Injectable()
export class Sessions {
  /** They outlive the connections. */
  readonly accounts: Accounts;
  private readonly users = new Map<string, User>();
  /** When principals were disconnected; kept as long as an older proof may turn up. */
  private readonly dismissals = new Map<string, number>();

  private readonly limits: Limits;

  constructor(
    @Inject(pushSettings) { limits }: { readonly limits: Limits },
    /** By which principals expire. */
    @Inject(Clock) readonly clock: Clock,
  ) {
    this.limits = limits;
    this.accounts = new Accounts(limits);
  }

  /**
   * Adds a connection to those of a principal.
   *
   * @throws PushError `LIMIT_EXCEEDED` if it has too many; `UNAUTHENTICATED` if the principal was disconnected after the proof
   */
  enter(member: UserConnection, id: string, authenticatedAt: number): User {
    if ((this.dismissals.get(id) ?? 0) > authenticatedAt)
      throw new PushError('UNAUTHENTICATED', 'The connection was ended by the server. Authenticate again.');
    const user = this.users.get(id) ?? this.add(id);
    if (user.members.has(member)) return user;
    if (user.members.size >= this.limits.connectionsPerPrincipal)
      throw new PushError('LIMIT_EXCEEDED', 'This user has too many connections. Close some first.');
    user.members.add(member);
    return user;
  }

  /** Idempotent. */
  leave(member: UserConnection, user: User): void {
    if (!user.members.delete(member) || user.members.size > 0) return;
    this.users.delete(user.id);
    this.accounts.release(user.account);
  }

  /** Ends all connections of a principal, and refuses those that are being authenticated. */
  disconnect(id: string): void {
    const time = preciseTime();
    this.dismissals.set(id, time);
    setTimeout(() => {
      if (this.dismissals.get(id) === time) this.dismissals.delete(id);
    }, longestTicket).unref();
    const error = new PushError(
      'UNAUTHENTICATED',
      'The connection was ended by the server. Authenticate again.',
    );
    for (const member of this.of(id)) member.end(error);
  }

  /** Ends the subscriptions of a principal that overlap `pattern`. */
  revoke(id: string, pattern: string): void {
    for (const member of this.of(id)) member.revoke(pattern);
  }

  private of(id: string): UserConnection[] {
    return [...(this.users.get(id)?.members ?? [])];
  }

  private add(id: string): User {
    const user: User = { id, members: new Set(), account: this.accounts.ofPrincipal(id) };
    this.users.set(id, user);
    return user;
  }
}
