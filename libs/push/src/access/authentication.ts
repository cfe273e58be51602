import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ErrorReporter } from '../bus/error-reporter.js';
import { explain } from '../bus/failure.js';
import type { TransportName } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import { assertPrincipal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import { ApplicationClasses } from './application-classes.js';
import { anonymous, type Authenticator, type Identity } from './authenticator.js';
import { decide } from './deadline.js';
import { handshakeOf, ticketOf, type ClientRequest, type Handshake } from './handshake.js';
import type { Limits } from './limits.js';
import { now } from './proof-time.js';
import { Origins } from './origins.js';
import { PushTickets } from './push-tickets.js';
import type { Proof } from './sessions.js';

/** The settings that say who finds out who clients are, and within which limits. */
interface AuthenticationSettings {
  readonly authenticate?: Type<Authenticator>;
  readonly limits: Limits;
}

/** Asks the application's authenticator, or the ticket, who a client is; for a bounded time, and for a bounded number at once. */
@Injectable()
export class Authentication implements OnModuleInit {
  /** How many decisions are under way. */
  private pending = 0;
  /** The application's; without one everybody is anonymous. */
  authenticator: Authenticator | undefined;

  constructor(
    @Inject(pushSettings) private readonly settings: AuthenticationSettings,
    @Inject(ApplicationClasses) private readonly classes: ApplicationClasses,
    @Inject(PushTickets) private readonly tickets: PushTickets,
    @Inject(Origins) private readonly origins: Origins,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
  ) {}

  async onModuleInit(): Promise<void> {
    const { authenticate } = this.settings;
    if (authenticate) this.authenticator = await this.classes.instanceOf(authenticate);
  }

  /**
   * Who sent a request. `undefined` if the authenticator does not know.
   *
   * @param corsOrigin the origin that the application's CORS has granted credentials to
   * @throws PushError `UNAUTHENTICATED`, `FORBIDDEN`, `UNAVAILABLE`, `LIMIT_EXCEEDED`, `INTERNAL`
   */
  ofRequest(
    request: ClientRequest,
    transport: TransportName,
    address: string,
    corsOrigin: string | undefined,
  ): Promise<Proof | undefined> {
    return this.bounded(async (signal) => {
      await this.origins.assertAllowed(request, transport, corsOrigin);
      const ticket = ticketOf(request);
      if (ticket !== undefined) {
        const { principal, topics, issuedAt } = await this.tickets.redeem(ticket);
        return { principal, within: topics, provenAt: issuedAt };
      }
      return this.ask(() => ({ ...handshakeOf(request, transport, address), signal: signal() }));
    });
  }

  /**
   * Who sent a request to a route of the application, which has let it in. `undefined` if the authenticator does not know.
   *
   * @throws PushError as `ofRequest`
   */
  ofRoute(request: ClientRequest, address: string): Promise<Proof | undefined> {
    return this.bounded((signal) =>
      this.ask(() => ({ ...handshakeOf(request, 'sse', address), signal: signal() })),
    );
  }

  /**
   * Whose token a client has sent on its connection.
   *
   * @throws PushError as `ofRequest`
   */
  ofToken(token: string, transport: TransportName, address: string): Promise<Proof | undefined> {
    const query = new URLSearchParams();
    return this.bounded((signal) =>
      this.ask(() => ({ transport, headers: {}, cookies: {}, query, address, token, signal: signal() })),
    );
  }

  private async ask(handshake: () => Handshake): Promise<Proof | undefined> {
    const provenAt = now();
    if (!this.authenticator) return { principal: undefined, provenAt };
    const identity: Identity = await this.authenticator.authenticate(handshake());
    if (identity === undefined || identity === null) return undefined;
    if (identity === anonymous) return { principal: undefined, provenAt };
    assertPrincipal(identity);
    return { principal: Object.freeze({ ...identity }), provenAt };
  }

  private async bounded<T>(run: (signal: () => AbortSignal) => Promise<T>): Promise<T> {
    const { pendingHandshakes, decisionTimeout } = this.settings.limits;
    if (this.pending >= pendingHandshakes)
      throw new PushError('UNAVAILABLE', 'Too many clients connect at the same time. Come back later.');
    this.pending++;
    try {
      return await decide(decisionTimeout, run);
    } catch (error) {
      throw this.refusal(error);
    } finally {
      this.pending--;
    }
  }

  /** What the client is told: what was thrown on purpose, and of everything else nothing. */
  private refusal(thrown: unknown): PushError {
    const { error, isExpected } = explain(thrown);
    if (!isExpected) this.errors.report(thrown, { stage: 'authenticate' });
    return error;
  }
}
