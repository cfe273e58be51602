import type { DynamicModule } from '@nestjs/common';
import { EventBus, PushModule, type PushEvent, type PushOptions } from 'nestjs-push';
import { PushOutbox, PushOutboxModule, type PushOutboxOptions } from 'nestjs-push/outbox';
import type { Client } from 'pg';
import { afterTest } from './cleanup.js';
import { connected, dropInUse, startPostgres, urlOf } from './postgres.js';
import type { ServerProcess } from './servers.js';
import { startApp, type RunningApp } from './start-app.js';
import { eventually, Watched } from './watched.js';

/** What a node of an application hears of its own log. */
class Heard extends Watched {
  readonly events: PushEvent[] = [];

  add(event: PushEvent): void {
    this.events.push(event);
    this.changed();
  }

  /** The data of the events of a topic, in their order. */
  of(topic: string): unknown[] {
    return this.events.filter((event) => event.topic === topic).map(({ data }) => data);
  }
}

/** A node of an application with an outbox. */
export interface OutboxNode {
  readonly app: RunningApp;
  readonly bus: EventBus;
  readonly outbox: PushOutbox;
  readonly heard: Heard;
  /** What `onError` was told. */
  readonly errors: { error: unknown; stage: string }[];
}

/** Everything is kept, so that what a relay looks for is there; but for those that are short. */
const topics = [
  { pattern: 'short.*', access: 'public' as const, retention: { events: 2 } },
  { pattern: 'prices.*', state: true },
  { pattern: 'jobs.*', finite: true },
  { pattern: '>', access: 'public' as const },
];

/** Starts a node whose outbox is in the database at `url`. */
export async function outboxNode(
  url: string,
  options: PushOutboxOptions = {},
  push: PushOptions = {},
): Promise<OutboxNode> {
  const errors: OutboxNode['errors'] = [];
  const onError = (error: unknown, { stage }: { stage: string }) => void errors.push({ error, stage });
  const imports: DynamicModule[] = [
    PushModule.forRoot({ topics, onError, ...push }),
    PushOutboxModule.forRoot({ url, ...options }),
  ];
  const app = await startApp('express', { imports });
  const { bus } = app;
  // A node reads what comes after it has found the log.
  await eventually(async () => (await bus.health()).ready);
  const heard = new Heard();
  const reading = bus.on('>').subscribe((event) => heard.add(event));
  afterTest(() => reading.unsubscribe());
  return { app, bus, outbox: app.nest.get(PushOutbox), heard, errors };
}

let shared: ServerProcess;

/** A database for the tests of a file. To be called once. */
export function shareDatabase(): void {
  beforeAll(async () => {
    shared = await startPostgres();
  });
  afterAll(() => shared.dispose());
}

/** That database. What a test makes there is dropped. */
export function database(): { readonly port: number; readonly url: string } {
  afterTest(async () => {
    const admin = await connected(shared.port, 'postgres');
    const schemas = 'DROP SCHEMA IF EXISTS push_outbox, nestjs_push CASCADE';
    await dropInUse(admin, `${schemas}; DROP TABLE IF EXISTS orders`);
    await admin.end();
  });
  return { port: shared.port, url: urlOf(shared.port) };
}

/** Does something in a transaction, and commits it. */
export async function transaction(client: Client, work: () => Promise<unknown>): Promise<void> {
  await client.query('BEGIN');
  await work();
  await client.query('COMMIT');
}

/** Resolves once nothing waits any more. */
export async function settled(outbox: PushOutbox): Promise<void> {
  await eventually(async () => (await outbox.stats()).waiting === 0);
}
