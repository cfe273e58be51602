import { Inject, Injectable } from '@nestjs/common';
import { Gatekeeper, type AdmissionOptions } from '../access/gatekeeper.js';
import type { ClientRequest } from '../access/handshake.js';
import type { Session } from '../access/session.js';
import { explain } from '../bus/failure.js';
import type { DisconnectReason, TransportName } from '../contracts/connection.js';
import { assertPattern } from '../contracts/topic.js';
import type { Client } from './client.js';
import { Clients } from './clients.js';
import { PushLifecycle } from './lifecycle.js';
import { LogGate } from './log-gate.js';
import type { Outlet } from './outlet.js';
import { TurnQueue } from './turn-queue.js';

/** How a client comes in by a transport. */
export interface Arrival {
  /** The transport's name, for authenticators, policies and hooks. */
  readonly transport: TransportName;
  /** Where the client is spoken to. Nothing is written to it before the client is let in. */
  readonly outlet: Outlet;
  /** What the client asks for, where the request says it. It is granted all of them, or refused. */
  readonly topics?: readonly string[];
}

/**
 * Where clients come in, for all transports. A transport gets a request in, makes an outlet and chooses a dialect; the order
 * of everything else is here, and `admit` is all of it:
 *
 * 1. `enter`: a node that shuts down takes no client in, and in a storm each has a turn.
 * 2. `open`: the limits, the origin, authentication, room (`Gatekeeper`). The session holds what was taken.
 * 3. `clientOf`: the client. It gives everything back when its outlet closes, or when it is refused, whatever comes first.
 * 4. `welcome`: it waits for the log, counts, and passes the hooks; or is refused.
 * 5. `Client.begin`: it is spoken to.
 *
 * The transports of push call the steps one by one, since Nest runs guards and handlers between them.
 */
@Injectable()
export class Door {
  constructor(
    @Inject(PushLifecycle) private readonly lifecycle: PushLifecycle,
    @Inject(TurnQueue) private readonly turns: TurnQueue,
    @Inject(LogGate) private readonly log: LogGate,
    @Inject(Gatekeeper) private readonly gatekeeper: Gatekeeper,
    @Inject(Clients) private readonly clients: Clients,
  ) {}

  /** Milliseconds after which a client should come back, different for each. */
  get comeBackIn(): number {
    return this.lifecycle.comeBackIn;
  }

  /**
   * Lets a client in, or refuses it. Once this resolves, the client may begin to read; it may have left by then, which is
   * harmless. Whatever was taken for the client is given back when its outlet closes, at any moment.
   *
   * @throws PushError that says why the client may not come in. The transport tells the client so; nothing is kept for it
   */
  async admit(request: ClientRequest, { transport, outlet, topics }: Arrival): Promise<Client> {
    let client: Client | undefined;
    try {
      const whenGone = (then: () => void) => outlet.onClosed(then);
      client = this.clientOf(await this.open(request, { transport, whenGone }), outlet);
      client.session.assertOpen();
      topics?.forEach((topic) => assertPattern(topic));
      if (topics) await this.gatekeeper.subscribe(client.session, topics);
      await this.welcome(client, () => undefined, { topics, readsLog: true });
      return client;
    } catch (thrown) {
      // Refused twice is refused once; what has failed before there was a client has given everything back itself.
      client?.refuse(this.reason);
      throw client ? this.clients.refusal(client, thrown) : explain(thrown).error;
    }
  }

  /**
   * Before anything is done for a new client. Returns a promise if it has to wait for its turn.
   *
   * @throws PushError `CLOSED` if the node is shutting down
   * @internal
   */
  enter(): Promise<void> | undefined {
    this.lifecycle.assertOpen();
    return this.turns.pass();
  }

  /** Before something is done that a client asked for. Returns a promise if it has to wait for its turn. */
  turn(): Promise<void> | undefined {
    return this.turns.pass();
  }

  /** @throws PushError `CLOSED` if the node is shutting down @internal */
  assertOpen(): void {
    this.lifecycle.assertOpen();
  }

  /**
   * The first two steps, for a transport whose first answer is final: it waits for the log as well.
   *
   * @throws PushError that says why the client may not come in; then nothing is kept for it
   * @internal
   */
  async open(request: ClientRequest, options: AdmissionOptions): Promise<Session> {
    await this.enter();
    await this.log.pass();
    const session = await this.gatekeeper.open(request, options);
    try {
      this.assertOpen();
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Makes the client. It does not count yet, and its outlet may have closed already. @internal */
  clientOf(session: Session, outlet: Outlet): Client {
    return this.clients.create(session, outlet);
  }

  /**
   * Lets the client in once its stream can begin: until then it waits, and may be refused, by its hooks too. What reads no log
   * waits for none. A client that is refused is as if it had never been here.
   *
   * @param begin is called in this turn if there is nothing to wait for; what it returns is returned
   * @param topics that it begins with, if they are known
   * @throws PushError `UNAVAILABLE` if the log is not reached in time, `CLOSED`, and what hooks throw
   * @internal
   */
  welcome(client: Client, begin: () => unknown, { topics, readsLog }: Welcome): unknown {
    const enter = () => {
      this.assertOpen();
      client.session.assertOpen();
      return begin();
    };
    const greet = () => {
      this.assertOpen();
      this.clients.add(client);
      const greeting = this.greet(client, topics);
      // It may have left before it counted.
      if (client.isGone) this.clients.left(client);
      return greeting ? greeting.catch(forTheMoment).then(enter) : enter();
    };
    const refuse = (thrown: unknown): never => {
      client.refuse(this.reason);
      throw thrown;
    };
    try {
      this.assertOpen();
      const reached = readsLog ? this.log.pass() : undefined;
      const welcomed = reached ? reached.then(greet) : greet();
      return welcomed instanceof Promise ? welcomed.catch(refuse) : welcomed;
    } catch (thrown) {
      return refuse(thrown);
    }
  }

  /** Why a client is refused. */
  private get reason(): DisconnectReason {
    return this.lifecycle.isDraining ? 'drain' : 'error';
  }

  /** Counts a client whose connection exists before its hooks have run. @internal */
  count(client: Client): void {
    this.clients.add(client);
    if (client.isGone) this.clients.left(client);
  }

  /** Runs the hooks for a client that comes in. @internal */
  greet(client: Client, topics?: readonly string[]): Promise<void> | undefined {
    return this.clients.greet(client, topics);
  }

  /**
   * Lets a client that is connected subscribe to more topics: rights first, then the hooks.
   *
   * @param grant calls `Client.read`; it is called in the very turn in which the rights hold
   * @throws PushError `INVALID_TOPIC`, `FORBIDDEN`, `LIMIT_EXCEEDED`, `UNAVAILABLE`, or why the connection is over; and what
   * hooks throw
   */
  async subscribe(client: Client, topics: readonly string[], grant: () => void): Promise<void> {
    const { gatekeeper } = this;
    const { session } = client;
    topics.forEach((topic) => assertPattern(topic));
    gatekeeper.claim(session, topics);
    const revision = await gatekeeper.decide(session, topics);
    await this.clients.announce(client, topics);
    await gatekeeper.settle(session, topics, revision, grant);
  }

  /**
   * Runs what a request has asked for, to its end, even if its client is gone. Shutdown waits for it, within its time.
   *
   * @internal
   */
  during<T>(run: () => Promise<T>): Promise<T> {
    return this.clients.during(run);
  }
}

/** What is known of a client that comes in. */
export interface Welcome {
  readonly topics?: readonly string[];
  readonly readsLog: boolean;
}

/** What a connect hook throws that would be another answer later is that also by a status of the application's own. */
function forTheMoment(thrown: unknown): never {
  const { error } = explain(thrown);
  throw error.retryable ? error : thrown;
}
