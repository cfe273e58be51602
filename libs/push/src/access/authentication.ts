import { Inject, Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ErrorReporter } from '../bus/error-reporter.js';
import { noteRefused, ofApplication, type LoggedClient } from '../bus/debug-log.js';
import { failureOf } from '../bus/failure.js';
import type { TransportName } from '../contracts/connection.js';
import { PushError } from '../contracts/errors.js';
import { assertPrincipal, type Principal } from '../contracts/principal.js';
import { pushSettings } from '../contracts/settings.js';
import { ApplicationClasses } from './application-classes.js';
import { anonymous, type Authenticator, type AuthenticationResult } from './authenticator.js';
import { decide } from './deadline.js';
import { handshakeOf, ticketOf, type ClientRequest, type Handshake } from './handshake.js';
import type { Limits } from './limits.js';
import { preciseTime } from './precise-time.js';
import { Origins } from './origins.js';
import { PushTickets } from './push-tickets.js';
import type { Proof } from './sessions.js';

/** The settings of authentication. */
interface AuthenticationSettings {
  readonly authenticate?: Type<Authenticator>;
  readonly limits: Limits;
}

/** A client that sends a token on its connection. */
interface AuthenticatingClient extends LoggedClient {
  readonly transport: TransportName;
  readonly address: string;
}

/** Authenticates clients by their ticket, or by the application's authenticator. Bounds how long and how many at once. */
@Injectable()
export class Authentication implements OnModuleInit {
  /** How many authentications are under way. */
  pending = 0;
  /** Tells who sent a request that is known already. Only `nestjs-push/testing/app` sets it. */
  assumed: ((request: ClientRequest) => Principal | undefined) | undefined;
  /** The application's. Without one, all clients are anonymous. */
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
   * Authenticates the sender of a request. Returns `undefined` if the authenticator does not know it.
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
    return this.bounded({ transport, address }, async (signal) => {
      await this.origins.assertAllowed(request, transport, corsOrigin);
      const assumed = this.assumed?.(request);
      if (assumed) return { principal: assumed, authenticatedAt: preciseTime() };
      const ticket = ticketOf(request);
      if (ticket !== undefined) {
        const { principal, topics, issuedAt } = await this.tickets.redeem(ticket);
        return { principal, scope: topics, authenticatedAt: issuedAt };
      }
      return this.ask(() => ({ ...handshakeOf(request, transport, address), signal: signal() }));
    });
  }

  /**
   * Authenticates the sender of a request to a route of the application's own, whose guards have let it in. Returns `undefined`
   * if the authenticator does not know it.
   *
   * @throws PushError as `ofRequest`
   */
  ofRoute(request: ClientRequest, address: string): Promise<Proof | undefined> {
    return this.bounded({ transport: 'sse', address }, (signal) =>
      this.ask(() => ({ ...handshakeOf(request, 'sse', address), signal: signal() })),
    );
  }

  /**
   * Authenticates a client by a token that it has sent on its connection.
   *
   * @throws PushError as `ofRequest`
   */
  ofToken(token: string, client: AuthenticatingClient): Promise<Proof | undefined> {
    const { transport, address } = client;
    const query = new URLSearchParams();
    return this.bounded(client, (signal) =>
      this.ask(() => ({ transport, headers: {}, cookies: {}, query, address, token, signal: signal() })),
    );
  }

  private async ask(handshake: () => Handshake): Promise<Proof | undefined> {
    const authenticatedAt = preciseTime();
    if (!this.authenticator) return { principal: undefined, authenticatedAt };
    const { authenticator } = this;
    const result: AuthenticationResult = await ofApplication(() => authenticator.authenticate(handshake()));
    if (result === undefined || result === null) return undefined;
    if (result === anonymous) return { principal: undefined, authenticatedAt };
    assertPrincipal(result);
    return { principal: Object.freeze({ ...result }), authenticatedAt };
  }

  private async bounded<T>(client: LoggedClient, run: (signal: () => AbortSignal) => Promise<T>): Promise<T> {
    const { pendingHandshakes, decisionTimeout } = this.settings.limits;
    if (this.pending >= pendingHandshakes)
      throw new PushError('UNAVAILABLE', 'Too many clients connect at the same time. Come back later.');
    this.pending++;
    try {
      return await decide(decisionTimeout, run);
    } catch (error) {
      const refusal = this.refusal(error);
      noteRefused(refusal, client);
      throw refusal;
    } finally {
      this.pending--;
    }
  }

  /** The error that the client gets. It shows only what was thrown on purpose. */
  private refusal(thrown: unknown): PushError {
    const { error, isExpected } = failureOf(thrown);
    if (!isExpected) this.errors.report(thrown, { stage: 'authenticate' });
    return error;
  }
}
