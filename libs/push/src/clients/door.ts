import { Inject, Injectable } from '@nestjs/common';
import { Gatekeeper, type Entrance } from '../access/gatekeeper.js';
import type { ClientRequest } from '../access/handshake.js';
import type { Session } from '../access/session.js';
import { explain } from '../bus/failure.js';
import type { Client } from './client.js';
import { Clients } from './clients.js';
import { PushLifecycle } from './lifecycle.js';
import { LogGate } from './log-gate.js';
import type { Outlet } from './outlet.js';
import { TurnQueue } from './turn-queue.js';

/**
 * Where clients come in, for all transports. A transport gets a request in, makes an outlet and chooses a dialect; the order
 * of everything else is here:
 *
 * 1. `enter`: a node that shuts down takes no one in, and in a storm everyone has a turn.
 * 2. `open`: the limits, the origin, authentication, room (`Gatekeeper`). The session holds what was taken.
 * 3. `admit`: the client. It gives everything back when its outlet closes, or when it is refused, whatever comes first.
 * 4. `welcome`: it waits for the log, counts, and passes the hooks; or is refused.
 * 5. `Client.begin`: it is spoken to.
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
   * Before anything is done for a new client. Returns a promise if it has to wait for its turn.
   *
   * @throws PushError `CLOSED` if the node is shutting down
   */
  enter(): Promise<void> | undefined {
    this.lifecycle.assertOpen();
    return this.turns.pass();
  }

  /** Before something is done that a client asked for. Returns a promise if it has to wait for its turn. */
  turn(): Promise<void> | undefined {
    return this.turns.pass();
  }

  /** @throws PushError `CLOSED` if the node is shutting down */
  assertOpen(): void {
    this.lifecycle.assertOpen();
  }

  /**
   * The first two steps, for a transport whose first answer is final: it waits for the log as well.
   *
   * @throws PushError that says why the client may not come in; then nothing is kept for it
   */
  async open(request: ClientRequest, entrance: Entrance): Promise<Session> {
    await this.enter();
    await this.log.pass();
    const session = await this.gatekeeper.open(request, entrance);
    try {
      this.assertOpen();
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Makes the client. It does not count yet, and its outlet may have closed already. */
  admit(session: Session, outlet: Outlet): Client {
    return this.clients.create(session, outlet);
  }

  /**
   * Lets the client in once its stream can begin: until then it waits, and may be refused, by its hooks too. What reads no log
   * waits for none. A client that is refused is as if it had never been here.
   *
   * @param begin is called in this turn if there is nothing to wait for; what it returns is returned
   * @param topics that it begins with, if they are known
   * @throws PushError `UNAVAILABLE` if the log is not reached in time, `CLOSED`, and what hooks throw
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
      client.refuse(this.lifecycle.isDraining ? 'drain' : 'error');
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

  /** Counts a client whose connection exists before its hooks have run. */
  count(client: Client): void {
    this.clients.add(client);
    if (client.isGone) this.clients.left(client);
  }

  /** Runs the hooks for a client that comes in. */
  greet(client: Client, topics?: readonly string[]): Promise<void> | undefined {
    return this.clients.greet(client, topics);
  }

  /**
   * Lets a client subscribe: rights first, then the hooks.
   *
   * @param grant is called in the very turn in which the rights hold
   * @throws what `Gatekeeper.claim`, `decide` and `settle` throw, and what hooks throw
   */
  async subscribe(client: Client, topics: readonly string[], grant: () => void): Promise<void> {
    const { gatekeeper } = this;
    const { session } = client;
    gatekeeper.claim(session, topics);
    const revision = await gatekeeper.decide(session, topics);
    await this.clients.announce(client, topics);
    await gatekeeper.settle(session, topics, revision, grant);
  }

  /** Runs what a request has asked for, to its end, even if its client is gone. Shutdown waits for it, within its time. */
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
