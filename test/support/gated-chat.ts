import { Injectable } from '@nestjs/common';
import {
  Authenticator,
  OnPushConnect,
  PushModule,
  PushTopic,
  type Handshake,
  type Principal,
  type PushModuleExtras,
  type PushOptions,
} from 'nestjs-push';
import { startApp, type Platform } from './start-app.js';
import { eventually } from './watched.js';

/** What holds everything up until the test opens it. */
export class Gate {
  waiting = 0;
  private readonly passed: (() => void)[] = [];
  private isOpen = true;

  shut(): void {
    this.isOpen = false;
  }

  open(): void {
    this.isOpen = true;
    for (const pass of this.passed.splice(0)) pass();
  }

  /** Lets everybody through again, and forgets who waited. */
  reset(): void {
    this.open();
    this.waiting = 0;
  }

  async pass(): Promise<true> {
    if (this.isOpen) return true;
    this.waiting++;
    await new Promise<void>((resolve) => this.passed.push(resolve));
    return true;
  }
}

/** Who decides about clients: who they are, what they may publish, and whether they are let in. */
export const authenticator = new Gate();
export const policy = new Gate();
export const hook = new Gate();

/** Whether the hook refuses whom it has held. */
export const welcome = { fails: false };

@Injectable()
class Everybody extends Authenticator {
  async authenticate({ token, query }: Handshake): Promise<Principal | undefined> {
    await authenticator.pass();
    const name = token ?? query.get('name');
    if (!name) return undefined;
    const [id, milliseconds] = name.split(':');
    return { id: id!, ...(milliseconds && { expiresAt: Date.now() + Number(milliseconds) }) };
  }
}

@PushTopic('chat.:room')
class ChatPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return policy.pass();
  }
}

@Injectable()
class Welcome {
  @OnPushConnect()
  async connect() {
    await hook.pass();
    if (welcome.fails) throw new Error('no');
  }
}

/** An application where everybody with a name may publish in any room, and what is published there. */
export async function startChat(platform: Platform, options: PushOptions & PushModuleExtras = {}) {
  for (const gate of [authenticator, policy, hook]) gate.reset();
  welcome.fails = false;
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot({
        authenticate: Everybody,
        websocket: { firstMessage: true },
        shutdownTimeout: 20_000,
        onError: () => undefined,
        ...options,
      }),
    ],
    providers: [ChatPolicy, Welcome],
  });
  const stored: unknown[] = [];
  app.bus.on('chat.*').subscribe(({ data }) => stored.push(data));
  return { app, stored };
}

/** A message of the protocol. */
export const message = (event: string, data: object) => JSON.stringify({ event, data });
/** One that publishes. */
export const say = (data: unknown) => message('publish', { topic: 'chat.a', data });
/** 0, 1, 2, ... */
export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Resolves once the first of what was said is being decided about. */
export const isHeld = (gate: Gate) => eventually(() => gate.waiting > 0);
