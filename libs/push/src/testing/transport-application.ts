import { Injectable, type Provider, type Type } from '@nestjs/common';
import { Authenticator, type AuthenticationResult } from '../access/authenticator.js';
import type { Handshake } from '../access/handshake.js';
import { PushTopic, type TopicPolicy } from '../access/topic-policy.js';
import {
  OnPushConnect,
  OnPushDisconnect,
  OnPushSubscribe,
  type ConnectionContext,
  type DisconnectContext,
  type SubscribeContext,
} from '../clients/hooks.js';
import { PushError } from '../contracts/errors.js';
import type { Principal } from '../contracts/principal.js';
import { Watched } from './watched.js';

/** Where a client can be made to wait. */
export type HoldingPlace = 'authenticator' | 'policy' | 'connect hook' | 'subscribe hook';

/** Makes clients wait at a place until it is released. */
class Hold {
  release!: () => void;
  reach!: () => void;
  /** Resolves once a client waits. */
  readonly reached = new Promise<void>((resolve) => (this.reach = resolve));
  readonly released = new Promise<void>((resolve) => (this.release = resolve));
}

/**
 * The application of a scene: it decides, and records the calls of its hooks. A token is a user's name, and after `@` its
 * lifetime in milliseconds. The connect hook refuses "unwelcome" and fails for "unlucky". Only Alice may read private topics.
 */
export class SceneApplication extends Watched {
  readonly connected: ConnectionContext[] = [];
  readonly subscribed: SubscribeContext[] = [];
  readonly disconnected: DisconnectContext[] = [];
  /** Errors that were reported to `onError`. */
  readonly errors: unknown[] = [];
  readonly authenticator: Type<Authenticator> = authenticatorOf(this);
  readonly providers: Provider[] = [policyOf(this), hooksOf(this)];
  /** The places where new clients have to wait. */
  private readonly holds = new Map<HoldingPlace, Hold>();
  private readonly all: Hold[] = [];

  /** Makes new clients wait at this place. */
  hold(place: HoldingPlace): Pick<Hold, 'reached' | 'release'> {
    const hold = new Hold();
    this.holds.set(place, hold);
    this.all.push(hold);
    return hold;
  }

  /** Lets new clients through. Clients that wait already go on waiting. */
  holdNoMore(): void {
    this.holds.clear();
  }

  /** Lets all clients through, also those that wait. */
  releaseAll(): void {
    this.all.forEach((hold) => hold.release());
    this.holds.clear();
  }

  /** Waits at this place, if it is held. */
  async waitAt(place: HoldingPlace): Promise<void> {
    const hold = this.holds.get(place);
    hold?.reach();
    await hold?.released;
  }

  /** Records the call of a hook. */
  note<Context>(list: Context[], context: Context): void {
    list.push(context);
    this.changed();
  }

  protected describe(): string {
    const { connected, subscribed, disconnected } = this;
    return JSON.stringify({ connected, subscribed, disconnected });
  }
}

function authenticatorOf(application: SceneApplication): Type<Authenticator> {
  @Injectable()
  class SceneAuthenticator extends Authenticator {
    async authenticate({ token }: Handshake): Promise<AuthenticationResult> {
      await application.waitAt('authenticator');
      if (!token) return undefined;
      const [id = '', lifetime] = token.split('@');
      return { id, ...(lifetime && { expiresAt: Date.now() + Number(lifetime) }) };
    }
  }
  return SceneAuthenticator;
}

function policyOf(application: SceneApplication): Type {
  @PushTopic('private.>')
  class ScenePolicy implements TopicPolicy {
    async canSubscribe({ id }: Principal): Promise<boolean> {
      await application.waitAt('policy');
      return id === 'alice';
    }
  }
  return ScenePolicy;
}

function hooksOf(application: SceneApplication): Type {
  @Injectable()
  class SceneHooks {
    @OnPushConnect()
    async connect(context: ConnectionContext): Promise<void> {
      application.note(application.connected, context);
      await application.waitAt('connect hook');
      if (context.principal?.id === 'unwelcome') throw new PushError('FORBIDDEN', 'Not today.');
      if (context.principal?.id === 'unlucky') throw new Error('The database is away.');
    }

    @OnPushSubscribe()
    async subscribe(context: SubscribeContext): Promise<void> {
      await application.waitAt('subscribe hook');
      if (context.topics.includes('news.sold-out')) throw new PushError('FORBIDDEN', 'There is no room.');
      application.note(application.subscribed, { ...context, topics: [...context.topics] });
    }

    @OnPushDisconnect()
    disconnect(context: DisconnectContext): void {
      application.note(application.disconnected, context);
    }
  }
  return SceneHooks;
}
