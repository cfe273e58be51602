import { Inject, Injectable } from '@nestjs/common';
import { noteRefused } from '../bus/debug-log.js';
import { PushError } from '../contracts/errors.js';
import { assertTopic } from '../contracts/topic.js';
import { Authentication } from './authentication.js';
import { presentationOf } from './client-presence.js';
import { ClientPublishing, type ClientPublication } from './client-publishing.js';
import type { TransportName } from '../contracts/connection.js';
import { clientTokenOf, queryLength, type ClientRequest } from './handshake.js';
import type { Limits } from './limits.js';
import { RoutePrincipals, type SseRouteRequest } from './route-principals.js';
import type { Session } from './session.js';
import { SessionFactory } from './session-factory.js';
import type { Proof } from './sessions.js';
import { assertWildcards } from './wildcards.js';
import { tokenWork, workOfHandshake, workOfMatching } from './work.js';
import { TopicAccess } from './topic-access.js';

/** What a transport knows of a client that asks to be let in. */
export interface AdmissionOptions {
  readonly transport: TransportName;
  /** Lets a client in that has no credentials yet: it authenticates by its first message. */
  readonly byFirstMessage?: boolean;
  /** The origin that the application's CORS has granted credentials to. */
  readonly corsOrigin?: string;
  /** Calls `then` when the client is gone, at once if it is gone already. From then on nothing is kept for it. */
  readonly whenGone: (then: () => void) => void;
}

/** The past that a client may read. */
export interface Granted<T> {
  readonly past: T;
  /** Call it right before the client is answered. @throws PushError if its rights have changed since */
  assertHolds(): void;
}

/**
 * What transports ask: who is this, may they, is there room? It is all they know of rights and limits.
 */
@Injectable()
export class Gatekeeper {
  private readonly entered = new WeakMap<object, Session>();

  constructor(
    @Inject(SessionFactory) private readonly sessions: SessionFactory,
    @Inject(Authentication) private readonly authentication: Authentication,
    @Inject(RoutePrincipals) private readonly routes: RoutePrincipals,
    @Inject(TopicAccess) private readonly topics: TopicAccess,
    @Inject(ClientPublishing) private readonly publishing: ClientPublishing,
  ) {}

  get limits(): Limits {
    return this.sessions.limits;
  }

  /**
   * A client at one of push's own doors. The session is closed when it is not let in, and when it is gone.
   *
   * @throws PushError that says why it may not come in
   */
  async open(request: ClientRequest, options: AdmissionOptions): Promise<Session> {
    const { transport, byFirstMessage, corsOrigin, whenGone } = options;
    const { queryBytes } = this.limits;
    if (queryLength(request) > queryBytes)
      throw new PushError(
        'DATA_TOO_LARGE',
        `The query may have ${queryBytes} bytes. Name fewer topics, or use a wildcard.`,
      );
    const session = this.sessions.open(request, transport);
    whenGone(() => session.close());
    session.clientToken = clientTokenOf(request);
    try {
      const { address } = session;
      const proof = await this.authentication.ofRequest(request, transport, address, corsOrigin);
      if (proof) session.identify(proof);
      else if (byFirstMessage) session.awaitFirstMessage();
      else throw new PushError('UNAUTHENTICATED', 'Who you are could not be established. Bring a token.');
    } catch (error) {
      noteRefused(error, session);
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
    const proof = this.routes.proofOf(route, request, since);
    return proof instanceof Promise
      ? proof.then((found) => this.enterAs(request, found))
      : this.enterAs(request, proof);
  }

  private enterAs(request: ClientRequest, proof: Proof): Session {
    const session = this.sessions.open(request, 'sse');
    try {
      session.identify(proof);
      session.budget.spend(workOfHandshake(request.headers));
    } catch (error) {
      noteRefused(error, session);
      session.close();
      throw error;
    }
    this.entered.set(request, session);
    return session;
  }

  /** Whose the streams of the application's own routes are, in words. */
  get routePrincipals(): string {
    return this.routes.description;
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
    await this.topics.assertMaySubscribe(session, topics);
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
   * Reads a topic's past for a client that may subscribe to it: when it asks, and still when it is answered.
   *
   * @throws PushError as `subscribe`, and what `read` throws
   */
  async read<T>(session: Session, topic: string, read: () => Promise<T>): Promise<Granted<T>> {
    this.claim(session, [topic]);
    const revision = await this.decide(session, [topic]);
    const past = await read();
    let granted = revision;
    await this.settle(session, [topic], revision, () => (granted = session.revision));
    const assertHolds = () => {
      session.assertOpen();
      if (session.revision !== granted)
        throw new PushError('UNAVAILABLE', 'Rights have changed meanwhile. Ask again.');
    };
    return { past, assertHolds };
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
    return this.publishing.publish(session, publication, connection);
  }

  /**
   * Checks what a client says of itself where it is present. Returns it as JSON text; `undefined` for nothing.
   *
   * @throws PushError `INVALID_TOPIC`, `DATA_TOO_LARGE`, `LIMIT_EXCEEDED`, and why the session is over; `BadRequestException`
   */
  async presentation(session: Session, topic: string, data: unknown): Promise<string | undefined> {
    session.assertOpen();
    assertTopic(topic);
    session.spend('publish');
    const text = await presentationOf(this.topics, topic, data);
    session.assertOpen();
    return text;
  }

  /**
   * Takes a token that the client has sent on its connection: its first, or a new one, which must be of the same
   * principal. What the new one may not read is taken away, and so is what could not be decided.
   *
   * @throws PushError `UNAUTHENTICATED`, and as `open`
   */
  async authenticate(session: Session, token: string): Promise<void> {
    session.spend('subscribe');
    session.budget.spend(tokenWork);
    const proof = await this.authentication.ofToken(token, session);
    if (!proof)
      throw new PushError('UNAUTHENTICATED', 'Who you are could not be established. Bring a token.');
    if (!session.isPending) assertSame(session, proof);
    // The old one holds until it is known what the new one may read: what nobody decides about in time is lost with it.
    const { transport, address, scope, budget } = session;
    const subject = { transport, address, scope, budget, principal: proof.principal };
    const { denied, undecided } = await this.topics.examine(subject, session.topics);
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
}

function assertSame({ principal }: Session, proof: Proof): void {
  if (principal?.id === proof.principal?.id) return;
  throw new PushError('UNAUTHENTICATED', 'The token is of somebody else. Open a new connection with it.');
}
