import { Inject, Injectable } from '@nestjs/common';
import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import type { Account } from './account.js';
import { Accounts } from './accounts.js';
import type { Limits } from './limits.js';
import { now } from './proof-time.js';
import { longestTicket } from './push-tickets.js';

/** What an authenticator, or a ticket, has proven. */
export interface Proof {
  readonly principal: Principal | undefined;
  /** When the proof began: see `now`. What happened to the principal since then counts against it. */
  readonly provenAt: number;
  /** Patterns that it is limited to. */
  readonly within?: readonly string[];
}

/** One connection of a principal. */
export interface Member {
  /** Ends it. */
  end(error: PushError): void;
  /** Takes away what `pattern` shares a topic with. */
  revoke(pattern: string): void;
}

/** The connections of one principal on this node, and what they have used. */
export interface User {
  readonly id: string;
  readonly members: Set<Member>;
  readonly account: Account;
}

/** The connections of this node, by principal. */
@Injectable()
export class Sessions {
  /** Outlive the connections. */
  readonly accounts: Accounts;
  private readonly users = new Map<string, User>();
  /** When principals were disconnected, for as long as an older proof may turn up. */
  private readonly dismissals = new Map<string, number>();

  private readonly limits: Limits;

  constructor(@Inject(pushSettings) { limits }: { readonly limits: Limits }) {
    this.limits = limits;
    this.accounts = new Accounts(limits);
  }

  /**
   * Counts a connection as one of a principal's.
   *
   * @throws PushError `LIMIT_EXCEEDED` if it has too many; `UNAUTHENTICATED` if it was disconnected since the proof
   */
  enter(member: Member, id: string, provenAt: number): User {
    if ((this.dismissals.get(id) ?? 0) > provenAt)
      throw new PushError('UNAUTHENTICATED', 'The connection was ended by the server. Authenticate again.');
    const user = this.users.get(id) ?? this.add(id);
    if (user.members.has(member)) return user;
    if (user.members.size >= this.limits.connectionsPerPrincipal)
      throw new PushError('LIMIT_EXCEEDED', 'This user has too many connections. Close some first.');
    user.members.add(member);
    return user;
  }

  /** Idempotent. */
  leave(member: Member, user: User): void {
    if (!user.members.delete(member) || user.members.size > 0) return;
    this.users.delete(user.id);
    this.accounts.release(user.account);
  }

  /** Ends all connections of a principal, and those that are being made. */
  disconnect(id: string): void {
    const time = now();
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

  /** Takes topics away from all connections of a principal. */
  revoke(id: string, pattern: string): void {
    for (const member of this.of(id)) member.revoke(pattern);
  }

  private of(id: string): Member[] {
    return [...(this.users.get(id)?.members ?? [])];
  }

  private add(id: string): User {
    const user: User = { id, members: new Set(), account: this.accounts.ofPrincipal(id) };
    this.users.set(id, user);
    return user;
  }
}
