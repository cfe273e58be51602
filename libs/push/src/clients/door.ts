import { Inject, Injectable } from '@nestjs/common';
import { Gatekeeper, type AdmissionOptions } from '../access/gatekeeper.js';
import type { ClientRequest } from '../access/handshake.js';
import type { Session } from '../access/session.js';
import { noteRefused, type LoggedClient } from '../bus/debug-log.js';
import { explain } from '../bus/failure.js';
import type { DisconnectReason, TransportName } from '../contracts/connection.js';
import { assertPattern } from '../contracts/topic.js';
import type { Client } from './client.js';
import { Clients } from './clients.js';
import { PushLifecycle } from './lifecycle.js';
import { LogGate } from './log-gate.js';
import type { Outlet } from './outlet.js';
import { TurnQueue } from './turn-queue.js';

/** A client that a transport wants to admit. */
export interface Arrival {
  /** The transport's name, for authenticators, policies and hooks. */
  readonly transport: TransportName;
  /** Carries bytes to the client. Nothing is written to it before the client is admitted. */
  readonly outlet: Outlet;
  /** The topics in the request, if it has any. The client is granted all of them, or refused. */
  readonly topics?: readonly string[];
}

/**
 * Admits clients, for all transports. A transport receives a request, makes an outlet and chooses a dialect. The order of
 * everything else is here, and `admit` does all of it:
 *
 * 1. `enter` refuses clients while the node shuts down, and makes them take turns in a connection storm.
 * 2. `open` checks the limits, the origin and the authentication (`Gatekeeper`), and makes a session, which holds a place.
 * 3. `clientOf` makes the client. It gives its place back when its outlet closes or when it is refused, whichever is first.
 * 4. `welcome` waits for the log, adds the client to the list and runs the hooks, or refuses the client.
 * 5. `Client.begin` starts to send.
 *
 * The transports of push call the steps one by one, because Nest runs guards and handlers between them.
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

  /** How long a client should wait before it comes back, in milliseconds. Random, so that clients do not all come at once. */
  get comeBackIn(): number {
    return this.lifecycle.comeBackIn;
  }

  /**
   * Admits a client, or refuses it. Once this resolves, the client may begin to read. It is harmless if the client has left by
   * then. All that the client holds is released when its outlet closes, whenever that is.
   *
   * @throws PushError that says why the client is refused. The transport has to tell the client; nothing is held for it
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
      // `welcome` may have refused the client already, which is harmless. If there is no client yet, `open` has released all.
      client?.refuse(this.reason);
      throw client ? this.clients.refusal(client, thrown) : explain(thrown).error;
    }
  }

  /**
   * Call it before any work for a new client. Returns a promise if the client has to wait for its turn.
   *
   * @throws PushError `CLOSED` if the node is shutting down
   * @internal
   */
  enter(): Promise<void> | undefined {
    this.lifecycle.assertOpen();
    return this.turns.wait();
  }

  /**
   * Before something is read that a client asked for. Returns a promise if the log has not been reached.
   *
   * @throws PushError `UNAVAILABLE` (the promise rejects) if it is not reached in time @internal
   */
  reached(): Promise<void> | undefined {
    return this.log.wait();
  }

  /** Call it before you handle a request of a client. Returns a promise if the request has to wait for its turn. */
  turn(): Promise<void> | undefined {
    return this.turns.wait();
  }

  /** @throws PushError `CLOSED` if the node is shutting down @internal */
  assertOpen(): void {
    this.lifecycle.assertOpen();
  }

  /**
   * Does the first two steps, for a transport whose first answer is final, and waits for the log as well.
   *
   * @throws PushError that says why the client is refused; nothing is held for it then
   * @internal
   */
  async open(request: ClientRequest, options: AdmissionOptions): Promise<Session> {
    await this.enter();
    await this.log.wait();
    const session = await this.gatekeeper.open(request, options);
    try {
      this.assertOpen();
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Makes the client. It is not in the list yet, and its outlet may have closed already. @internal */
  clientOf(session: Session, outlet: Outlet): Client {
    return this.clients.create(session, outlet);
  }

  /**
   * Admits the client once its stream can begin. Until then the client waits, and the hooks may refuse it. A client that does
   * not read the log does not wait for it. Nothing is held for a client that is refused.
   *
   * @param begin is called in this turn if there is nothing to wait for; its result is returned
   * @param topics that the client begins with, if they are known
   * @throws PushError `UNAVAILABLE` if the log is not reached in time, `CLOSED`, and what hooks throw
   * @internal
   */
  welcome(client: Client, begin: () => unknown, { topics, readsLog }: Welcome): unknown {
    const start = () => {
      this.assertOpen();
      client.session.assertOpen();
      return begin();
    };
    const connect = () => {
      this.assertOpen();
      this.clients.add(client);
      const connected = this.runConnectHooks(client, topics);
      // It may have left before it was added.
      if (client.isGone) this.clients.left(client);
      return connected ? connected.catch((thrown) => rethrowRetryable(thrown, client)).then(start) : start();
    };
    const refuse = (thrown: unknown): never => {
      noteRefused(thrown, client);
      client.refuse(this.reason);
      throw thrown;
    };
    try {
      this.assertOpen();
      const reached = readsLog ? this.log.wait() : undefined;
      const welcomed = reached ? reached.then(connect) : connect();
      return welcomed instanceof Promise ? welcomed.catch(refuse) : welcomed;
    } catch (thrown) {
      return refuse(thrown);
    }
  }

  /** The reason of a client that is refused. */
  private get reason(): DisconnectReason {
    return this.lifecycle.isDraining ? 'drain' : 'error';
  }

  /** Adds a client whose connection exists before its hooks have run. @internal */
  count(client: Client): void {
    this.clients.add(client);
    if (client.isGone) this.clients.left(client);
  }

  /** Runs the hooks for a new client. @internal */
  runConnectHooks(client: Client, topics?: readonly string[]): Promise<void> | undefined {
    return this.clients.runConnectHooks(client, topics);
  }

  /**
   * Subscribes a connected client to more topics: it checks the rights first, then runs the hooks.
   *
   * @param grant calls `Client.read`. It runs in the same turn in which the rights were confirmed
   * @throws PushError `INVALID_TOPIC`, `FORBIDDEN`, `LIMIT_EXCEEDED`, `UNAVAILABLE`, or the error that ended the connection;
   * and what hooks throw
   */
  async subscribe(client: Client, topics: readonly string[], grant: () => void): Promise<void> {
    const { gatekeeper } = this;
    const { session } = client;
    topics.forEach((topic) => assertPattern(topic));
    gatekeeper.claim(session, topics);
    const revision = await gatekeeper.decide(session, topics);
    await this.clients.runSubscribeHooks(client, topics);
    await gatekeeper.settle(session, topics, revision, grant);
  }

  /**
   * Runs `run` for a client that asks once and has no connection, between the hooks of one: see `Clients.visit`.
   *
   * @throws what hooks and `run` throw
   * @internal
   */
  visit<T>(session: Session, topics: readonly string[], run: () => Promise<T>): Promise<T> {
    return this.clients.visit(session, topics, run).catch((thrown) => rethrowRetryable(thrown, session));
  }

  /**
   * Runs the work of a request to its end, even if its client is gone. Shutdown waits for it, for at most `shutdownTimeout`.
   *
   * @internal
   */
  runRequest<T>(run: () => Promise<T>): Promise<T> {
    return this.clients.runRequest(run);
  }
}

/** What `Door.welcome` needs to know of a new client. */
export interface Welcome {
  /** The topics that the client begins with, if they are known. */
  readonly topics?: readonly string[];
  /** Whether the client reads the log, and so has to wait for it. */
  readonly readsLog: boolean;
}

/** Keeps what a hook threw, with its own HTTP status, unless the error is retryable: then the client gets the `PushError`. */
function rethrowRetryable(thrown: unknown, client: LoggedClient): never {
  const { error } = explain(thrown, client);
  throw error.retryable ? error : thrown;
}
