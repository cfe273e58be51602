/*
 * A node of an application with traces, in a process of its own, behind traced-setup.mjs. Says "port <n>" once it is there.
 * `POST /orders/:id` publishes, and so do its hooks; with "handles" a handler publishes in its turn.
 *
 * node --import ./test/support/traced-setup.mjs traced-node.mjs '{"port":6379,"platform":"express","handles":true}'
 */
import 'reflect-metadata';
import { Controller, Module, Param, Post, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Backplane, EventBus, OnPushConnect, OnPushDisconnect, PushModule } from 'nestjs-push';
import { PushTracesModule } from 'nestjs-push/opentelemetry';
import { map } from 'rxjs';
import { setTimeout as delay } from 'node:timers/promises';
import { backplaneAt } from './node-backplanes.mjs';

const { port, platform = 'express', handles = false, traces = true } = JSON.parse(process.argv[2]);

function decorate(target, name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name);
  for (const decorator of decorators) decorator(target.prototype, name, descriptor);
}

class OrdersController {
  constructor(bus) {
    this.bus = bus;
  }

  /** After a while, as a request does that asks a database. */
  async create(id) {
    await delay(1);
    return this.bus.publish(`orders.${id}`, { id });
  }

  direct() {
    return this.bus.stream('orders.1');
  }

  piped() {
    return this.bus.stream('orders.1').pipe(map((message) => message));
  }

  connected() {
    return this.bus.publish('hooks.connected', 1);
  }

  disconnected() {
    return this.bus.publish('hooks.disconnected', 1);
  }
}
decorate(OrdersController, 'create', Post('orders/:id'));
Param('id')(OrdersController.prototype, 'create', 0);
decorate(OrdersController, 'direct', Sse('direct'));
decorate(OrdersController, 'piped', Sse('piped'));
decorate(OrdersController, 'connected', OnPushConnect());
decorate(OrdersController, 'disconnected', OnPushDisconnect());
Reflect.defineMetadata('design:paramtypes', [EventBus], OrdersController);
Controller()(OrdersController);

class NodeModule {}
Module({
  imports: [
    PushModule.forRoot({
      ...(port && { backplane: backplaneAt('Redis', port) }),
      topics: [{ pattern: 'orders.*', access: 'public' }, { pattern: 'hooks.*' }, { pattern: 'audit.*' }],
    }),
    ...(traces ? [PushTracesModule.forRoot()] : []),
  ],
  controllers: [OrdersController],
})(NodeModule);

const logger = ['error', 'warn'];
const app =
  platform === 'fastify'
    ? await NestFactory.create(NodeModule, new FastifyAdapter(), { logger })
    : await NestFactory.create(NodeModule, { logger });
await app.listen(0, '127.0.0.1');
while (!(await app.get(Backplane).health()).ready) await delay(50);
const bus = app.get(EventBus);
if (handles)
  bus.on('orders.*').subscribe(async ({ data }) => {
    await delay(1);
    await bus.publish(`audit.${data.id}`, data);
  });

// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
