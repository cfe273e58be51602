import { Injectable } from '@nestjs/common';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';

/** Who there is, what they may, and until when: what an application would keep in a database. */
@Injectable()
export class Users {
  readonly orders = new Map<string, string>();
  readonly admins = new Set<string>();
  /** Milliseconds for which the next proofs hold. */
  lifetime = Infinity;
}

/** The token is the user's name. */
@Injectable()
export class NameAuthenticator extends Authenticator {
  constructor(private readonly users: Users) {
    super();
  }

  authenticate({ token }: Handshake): Principal | undefined {
    // A token is a name here, and no user has a longer one.
    if (!token || token.length > 256) return undefined;
    return {
      id: token,
      ...(this.users.lifetime < Infinity && { expiresAt: Date.now() + this.users.lifetime }),
    };
  }
}

export function as(name: string): { headers: Record<string, string> } {
  return { headers: { Authorization: `Bearer ${name}` } };
}
