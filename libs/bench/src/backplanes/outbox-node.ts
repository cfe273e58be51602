import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PushModule } from 'nestjs-push';
import { PushOutbox, PushOutboxModule } from 'nestjs-push/outbox';
import { postgresBackplane } from 'nestjs-push/postgres';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from '../remote.js';
import { postgresUrl } from './postgres-server.js';
import { Transactions, type Way } from './transactions.js';

/* A process that publishes in transactions, or a node of an application with an outbox. The parent says what. */

let outbox: PushOutbox | undefined;
let transactions: Transactions | undefined;

answer({
  /** Becomes a node. Returns the port of its application. */
  start: async ({ port, relay }: { port: number; relay: boolean }) => {
    const url = postgresUrl(port);
    const backplane = postgresBackplane({ url });
    class Root {}
    Module({
      imports: [
        PushModule.forRoot({ backplane, topics: [{ pattern: '>', access: 'public' }] }),
        PushOutboxModule.forRoot({ url, relay }),
      ],
    })(Root);
    const app: INestApplication = await NestFactory.create(Root, { logger: ['error'] });
    await app.listen(0, '127.0.0.1');
    const own = app.get(PushOutbox);
    outbox = own as PushOutbox;
    while (!(await backplane.health()).ready);
    while (relay && !(await own.stats()).isRelay) await delay(20);
    return (app.getHttpServer() as { address(): AddressInfo }).address().port;
  },

  /** Resolves when everything that has committed is in the log. */
  drained: async () => {
    while ((await outbox!.stats()).waiting > 0) await delay(20);
  },

  /** Becomes a user of the database. */
  connect: async ({ port, way, connections }: { port: number; way: Way; connections: number }) => {
    transactions = await Transactions.connect(port, way, connections);
  },

  /** Runs transactions for so many milliseconds, so many side by side. Returns transactions a second. */
  saturate: async ({ milliseconds, concurrent }: { milliseconds: number; concurrent: number }) => {
    const began = performance.now();
    let count = 0;
    const work = async () => {
      for (; performance.now() - began < milliseconds; count++) await transactions!.run(0);
    };
    await Promise.all(Array.from({ length: concurrent }, work));
    return (count / (performance.now() - began)) * 1_000;
  },

  /** Runs transactions at an even pace for so many milliseconds; each says when it published. */
  pace: async ({ perSecond, milliseconds }: { perSecond: number; milliseconds: number }) => {
    const began = performance.now();
    const running: Promise<void>[] = [];
    for (let n = 0; performance.now() - began < milliseconds;) {
      for (const due = ((performance.now() - began) * perSecond) / 1_000; n < due; n++)
        running.push(transactions!.run());
      await delay(1);
    }
    await Promise.all(running);
  },
});
