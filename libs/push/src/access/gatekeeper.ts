import { Logger, type OnModuleInit, type Type } from '@nestjs/common';
import type { ModuleRef, ModulesContainer } from '@nestjs/core';
import { PushError } from '../contracts/errors.js';
import { instanceOf } from './application-classes.js';
import type { Authentication } from './authentication.js';
import type { Authenticator } from './authenticator.js';
import type { Capacity } from './capacity.js';
import type { ClientPublication, ClientPublishing } from './client-publishing.js';
import type { TransportName } from '../contracts/connection.js';
import { clientTokenOf, queryLength, type ClientRequest } from './handshake.js';
import type { Limits } from './limits.js';
import type { Origins } from './origins.js';
import type { RoutePrincipals, SseRouteRequest } from './route-principals.js';
import { Session } from './session.js';
import type { Proof, Sessions } from './sessions.js';
import { assertWildcards } from './wildcards.js';
import { tokenWork, workOfHandshake, workOfMatching } from './work.js';
import type { TopicAccess } from './topic-access.js';
import type { TrustedProxies } from './trusted-proxies.js';

/** What the gatekeeper asks. */
export interface GatekeeperParts {
  readonly limits: Limits;
  readonly proxies: TrustedProxies;
  readonly origins: Origins;
  readonly capacity: Capacity;
  readonly authentication: Authentication;
  readonly sessions: Sessions;
  readonly topics: TopicAccess;
  readonly publishing: ClientPublishing;
  readonly routes: RoutePrincipals;
}

/** How a client comes in. */
export interface Entrance {
  readonly transport: TransportName;
  /** Lets a client in that is nobody yet, to authenticate by its first message. */
  readonly byFirstMessage?: boolean;
  /** The origin that the application's CORS has granted credentials to. */
  readonly corsOrigin?: string;
  /** Calls back when the client is gone, at once if it is already. From then on nothing is kept for it. */
  readonly whenGone: (then: () => void) => void;
}

/**
 * What transports ask: who is this, may they, is there room? It is all they know of rights and limits.
 */
export class Gatekeeper implements OnModuleInit {
  private readonly logger = new Logger('PushModule');
  private readonly entered = new WeakMap<object, Session>();
  private hasWarned = false;

  constructor(
    private readonly parts: GatekeeperParts,
    private readonly authenticator: Type<Authenticator> | undefined,
    private readonly modules: ModulesContainer,
    private readonly module: ModuleRef,
  ) {}

  get limits(): Limits {
    return this.parts.limits;
  }

  async onModuleInit(): Promise<void> {
    const { authentication, topics } = this.parts;
    if (this.authenticator) {
      authentication.authenticator = await instanceOf(this.authenticator, this.modules, this.module, this);
    } else if (topics.needsPrincipals) {
      const hint = 'Add PushModule.forRoot({ authenticate: YourAuthenticator }).';
      this.logger.warn(
        `Topics are for authenticated clients, but nobody authenticates them: all are denied. ${hint}`,
      );
    }
  }

  /**
   * A client at one of push's own doors. The session is closed when it is not let in, and when it is gone.
   *
   * @throws PushError that says why it may not come in
   */
  async open(request: ClientRequest, entrance: Entrance): Promise<Session> {
    const { transport, byFirstMessage, corsOrigin, whenGone } = entrance;
    const { authentication, origins } = this.parts;
    const { queryBytes } = this.limits;
    if (queryLength(request) > queryBytes)
      throw new PushError(
        'DATA_TOO_LARGE',
        `The query may have ${queryBytes} bytes. Name fewer topics, or use a wildcard.`,
      );
    const session = this.sessionFor(request, transport);
    whenGone(() => session.close());
    session.clientToken = clientTokenOf(request);
    try {
      const proof = await authentication.ofRequest(request, transport, session.address, () =>
        origins.assertAllowed(request, transport, corsOrigin),
      );
      if (proof) session.identify(proof);
      else if (byFirstMessage) session.awaitFirstMessage();
      else throw new PushError('UNAUTHENTICATED', 'Who you are could not be established. Bring a token.');
    } catch (error) {
      await this.charge(session, request);
      session.close();
      throw error;
    }
    await this.charge(session, request);
    this.entered.set(request, session);
    return session;
  }

  /**
   * A client whom the application itself has let in, on a route of its own. Its owner MUST `close` the session.
   *
   * @param route the request as the HTTP framework has it
   * @param since when it came
   * @throws PushError when there is no room for it, when the principal has expired, and when it cannot be found out
   */
  enter(route: SseRouteRequest, request: ClientRequest, since: number): Session | Promise<Session> {
    const { routes, proxies } = this.parts;
    const proof = routes.proofOf(route, request, proxies.addressOf(request), since);
    return proof instanceof Promise
      ? proof.then((found) => this.enterAs(request, found))
      : this.enterAs(request, proof);
  }

  private enterAs(request: ClientRequest, proof: Proof): Session {
    const session = this.sessionFor(request, 'sse');
    try {
      session.identify(proof);
      session.budget.spend(workOfHandshake(request.headers));
    } catch (error) {
      session.close();
      throw error;
    }
    this.entered.set(request, session);
    return session;
  }

  /** Whose the streams of the application's own routes are, in words. */
  get routePrincipals(): string {
    return this.parts.routes.description;
  }

  /** The session that this request has opened. */
  sessionOf(request: ClientRequest): Session | undefined {
    return this.entered.get(request);
  }

  /**
   * Decides whether the session may read all of `topics`, and waits until the answer holds.
   *
   * @throws PushError `FORBIDDEN`, `LIMIT_EXCEEDED`, `UNAVAILABLE`, or why the session is over
   */
  async subscribe(session: Session, topics: readonly string[]): Promise<void> {
    this.claim(session, topics);
    await this.settle(session, topics, await this.decide(session, topics), () => undefined);
  }

  /**
   * Counts topics that a client asks for.
   *
   * @throws PushError `LIMIT_EXCEEDED`, or why the session is over
   */
  claim(session: Session, topics: readonly string[]): void {
    session.assertOpen();
    assertWildcards([...session.topics, ...topics], this.limits.innerWildcards);
    session.spend('subscribe', topics.length);
  }

  /**
   * Decides whether the session may read all of `topics`. Returns the revision of its rights for which the answer holds.
   *
   * @throws PushError `FORBIDDEN`, or why the session is over
   */
  async decide(session: Session, topics: readonly string[]): Promise<number> {
    const { revision } = session;
    await this.parts.topics.assertMaySubscribe(session, topics);
    session.assertOpen();
    return revision;
  }

  /**
   * Calls `grant` in a turn in which an answer of `decide` holds: rights that have changed meanwhile are decided again.
   *
   * @throws PushError as `decide`, and `UNAVAILABLE` if they keep changing
   */
  async settle(
    session: Session,
    topics: readonly string[],
    revision: number,
    grant: () => void,
  ): Promise<void> {
    for (let again = 0; session.revision !== revision; again++) {
      if (again === 2) throw new PushError('UNAVAILABLE', 'Rights keep changing. Come back later.');
      session.assertOpen();
      revision = await this.decide(session, topics);
    }
    session.assertOpen();
    grant();
  }

  /**
   * Counts topics that a client does not want any more: that costs what asking for them does.
   *
   * @throws PushError `LIMIT_EXCEEDED` for many more than it can have been granted, and why the session is over
   */
  unsubscribe(session: Session, topics: readonly string[]): void {
    session.assertOpen();
    session.settle('subscribe', topics.length);
    for (const topic of topics) session.budget.spend(workOfMatching(topic, 1));
  }

  /**
   * Publishes for a client. Returns the event's id; `undefined` if it is ephemeral.
   *
   * @param connection the id of its connection, of which `echo: false` makes an exception in all its later ones too; one that is
   * not its principal's names nobody
   * @throws what `ClientPublishing.publish` throws, and as `subscribe`
   */
  async publish(
    session: Session,
    publication: ClientPublication,
    connection: string | undefined,
  ): Promise<string | undefined> {
    session.assertOpen();
    session.spend('publish');
    return this.parts.publishing.publish(session, publication, connection);
  }

  /**
   * Takes a token that the client has sent on its connection: its first, or a new one, which must be of the same
   * principal. What the new one may not read is taken away, and so is what could not be decided.
   *
   * @throws PushError `UNAUTHENTICATED`, and as `open`
   */
  async authenticate(session: Session, token: string): Promise<void> {
    const { authentication, topics } = this.parts;
    session.spend('subscribe');
    session.budget.spend(tokenWork);
    const proof = await authentication.ofToken(token, session.transport, session.address);
    if (!proof)
      throw new PushError('UNAUTHENTICATED', 'Who you are could not be established. Bring a token.');
    if (!session.isPending) assertSame(session, proof);
    // The old one holds until it is known what the new one may read: what nobody decides about in time is lost with it.
    const { transport, address, within, budget } = session;
    const asking = { transport, address, within, budget, principal: proof.principal };
    const { denied, undecided } = await topics.examine(asking, session.topics);
    session.identify(proof);
    if (denied.length > 0) session.drop(denied);
    if (undecided.length > 0) session.drop(undecided, true);
  }

  /**
   * Has whoever it is by now pay for its handshake, when it can: a user, whom nobody else at its address delays, or the address.
   * Who is refused waits for that as well.
   */
  private async charge(session: Session, { headers }: ClientRequest): Promise<void> {
    await session.ready();
    session.budget.spend(workOfHandshake(headers));
  }

  private sessionFor(request: ClientRequest, transport: TransportName): Session {
    const { proxies, capacity, limits, sessions } = this.parts;
    const address = proxies.addressOf(request);
    try {
      return new Session(transport, address, sessions, limits, capacity.reserve(address));
    } catch (error) {
      this.warnOfProxy(request, error);
      throw error;
    }
  }

  /** Behind a proxy that is not declared, all clients have one address, and share its limit. */
  private warnOfProxy(request: ClientRequest, error: unknown): void {
    const { proxies } = this.parts;
    const isLimit = error instanceof PushError && error.code === 'LIMIT_EXCEEDED';
    if (!isLimit || this.hasWarned || !proxies.isUndeclared(request)) return;
    this.hasWarned = true;
    const hint = "Add PushModule.forRoot({ trustedProxies: ['…'] }), or raise limits.connectionsPerAddress.";
    this.logger.warn(`Too many connections from one address, which is a proxy that forwards others. ${hint}`);
  }
}

function assertSame({ principal }: Session, proof: Proof): void {
  if (principal?.id === proof.principal?.id) return;
  throw new PushError('UNAUTHENTICATED', 'The token is of somebody else. Open a new connection with it.');
}
