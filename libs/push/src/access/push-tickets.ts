import { Inject, Injectable } from '@nestjs/common';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Backplane, type OneTimeStore } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import { assertPrincipal, expiryOf, type Principal } from '../contracts/principal.js';
import { assertPattern } from '../contracts/topic.js';
import { preciseTime } from './precise-time.js';

/** How a ticket is issued. */
export interface TicketOptions {
  /**
   * Topics and patterns that the ticket is limited to. They grant nothing: rules and policies hold as always. Default: all
   * that the principal may read and publish.
   */
  readonly topics?: readonly string[];
  /** How long the ticket can be redeemed, in milliseconds, up to 300,000. Default: 30,000. */
  readonly ttl?: number;
}

/** What a ticket stands for. */
export interface RedeemedTicket {
  readonly principal: Principal;
  readonly topics: readonly string[] | undefined;
  /** When the ticket was issued, in milliseconds since 1970, with fractions. */
  readonly issuedAt: number;
}

interface Stored extends RedeemedTicket {
  readonly secret: string;
}

/** The longest `ttl` of a ticket, in milliseconds. */
export const longestTicket = 300_000;

/** The first half of a ticket is its key in the store; the second half is the secret that proves possession. */
const bytes = 48;
const half = 32;
const grammar = /^[A-Za-z0-9_-]{64}$/;

/**
 * One-time tickets, for clients that cannot set a header: `EventSource`, and `WebSocket` in a browser. The application
 * issues one to a client that it has authenticated, which opens its connection with `?ticket=`.
 *
 * ```ts
 * @Post('push/ticket') @UseGuards(AuthGuard)
 * async ticket(@Req() { user }: AuthenticatedRequest) {
 *   return { ticket: await this.tickets.issue({ id: user.id, expiresAt: user.expiresAt }) };
 * }
 * ```
 *
 * A ticket works once, within seconds, on any node that shares the backplane. It is 64 random characters. Only their digest
 * is stored.
 */
@Injectable()
export class PushTickets {
  constructor(@Inject(Backplane) private readonly backplane: Pick<Backplane, 'oneTimeStore'>) {}

  /**
   * @param principal must be JSON, apart from `expiresAt`
   * @throws PushError `INVALID_OPTION`, `INVALID_TOPIC`; `UNAVAILABLE` when the backplane cannot store it
   */
  async issue(principal: Principal, { topics, ttl = 30_000 }: TicketOptions = {}): Promise<string> {
    assertPrincipal(principal);
    topics?.forEach((topic) => assertPattern(topic));
    if (!(ttl > 0 && ttl <= longestTicket))
      throw new PushError('INVALID_OPTION', `The ttl of a ticket is 1 to ${longestTicket} milliseconds.`);
    const ticket = randomBytes(bytes).toString('base64url');
    const expiry = expiryOf(principal);
    const stored: Stored = {
      principal: { ...principal, expiresAt: expiry === Infinity ? undefined : expiry },
      topics,
      issuedAt: preciseTime(),
      secret: digest(ticket.slice(half)).toString('base64url'),
    };
    await this.openStore().put(keyOf(ticket), JSON.stringify(stored), ttl);
    return ticket;
  }

  /**
   * Returns what the ticket stands for, once. Every invalid ticket is refused with the same message.
   *
   * @throws PushError `UNAUTHENTICATED`; `UNAVAILABLE` when the backplane cannot be reached
   */
  async redeem(ticket: string): Promise<RedeemedTicket> {
    const text = grammar.test(ticket) ? await this.backplane.oneTimeStore?.take(keyOf(ticket)) : undefined;
    const stored = text === undefined ? undefined : (JSON.parse(text) as Stored);
    if (stored && timingSafeEqual(digest(ticket.slice(half)), Buffer.from(stored.secret, 'base64url'))) {
      return { principal: stored.principal, topics: stored.topics, issuedAt: stored.issuedAt };
    }
    throw new PushError('UNAUTHENTICATED', 'The ticket is not valid, or no longer. Ask for a new one.');
  }

  private openStore(): OneTimeStore {
    if (this.backplane.oneTimeStore) return this.backplane.oneTimeStore;
    throw new PushError('INVALID_OPTION', 'This backplane keeps no tickets: it has no oneTimeStore.');
  }
}

function keyOf(ticket: string): string {
  return digest(ticket.slice(0, half)).toString('base64url');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
