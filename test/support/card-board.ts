import { Injectable } from '@nestjs/common';
import { createCollection, type Collection } from '@tanstack/db';
import { PushModule, PushTopic, type Principal, type PushOptions, type TopicPolicy } from 'nestjs-push';
import type { PushClient } from 'nestjs-push-client';
import { pushCollectionOptions, type PushCollectionUtils } from 'nestjs-push-client/tanstack-db';
import { afterTest } from './cleanup.js';
import { NameAuthenticator, Users } from './roles.js';
import { startApp, type RunningApp } from './start-app.js';
import { Watched } from './watched.js';

export interface Card {
  id: string;
  text: string;
}

/** Whoever has a name may change everything, but for the reader. */
@Injectable()
@PushTopic('board.:card')
class BoardPolicy implements TopicPolicy {
  canPublish({ id }: Principal) {
    return id !== 'reader';
  }

  canRemove() {
    return true;
  }
}

export const board = { pattern: 'board.*', access: 'public' as const, state: true };

const generous = { perSecond: 100_000, burst: 100_000 };

/** An application whose cards everybody may read, and whoever has a name may change. */
export function startCards(options: PushOptions = {}): Promise<RunningApp> {
  return startApp('express', {
    providers: [{ provide: Users, useValue: new Users() }, BoardPolicy],
    exports: [Users],
    imports: [
      PushModule.forRoot({
        topics: [board, { pattern: '*.*', access: 'public' }],
        authenticate: NameAuthenticator,
        websocket: { firstMessage: true },
        limits: { subscribe: generous, publish: generous, publishPerPrincipal: generous },
        ...options,
      }),
    ],
  });
}

export type Cards = Collection<Card, string, PushCollectionUtils<string>>;

/** A collection of cards whose changes can be waited for. */
export class WatchedCards extends Watched {
  readonly items: Cards;
  /** What was there, one after the other. */
  readonly seen: string[] = [];

  constructor(push: PushClient, pattern = 'board.*') {
    super();
    this.items = createCollection(pushCollectionOptions<Card>({ push, pattern })) as unknown as Cards;
    this.items.subscribeChanges(() => {
      if (this.text !== (this.seen.at(-1) ?? '')) this.seen.push(this.text);
      this.changed();
    });
    this.items.on('status:change', () => this.changed());
    afterTest(() => this.items.cleanup());
  }

  /** `1:text 2:text`, sorted. */
  get text(): string {
    return textOf(this.items.toArray);
  }
}

export function textOf(cards: Iterable<Card>): string {
  return [...cards]
    .map(({ id, text }) => `${id}:${text}`)
    .sort()
    .join(' ');
}
