/*
 * A node of an application with a handler that belongs to a group, in a process of its own. Says "ready" once it is there. The data of
 * an event says what the handler does the first time that it gets it: "throw", "hang", or with "die <node>" it ends that node's process.
 * "handled <node> <topic> <number> <nanoseconds>" says that it has handled one: by the clock that all processes share.
 *
 * node group-node.mjs '{"kind":"Redis","port":6379,"node":"one"}'
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OnPush, PushModule } from 'nestjs-push';
import { setTimeout as delay } from 'node:timers/promises';
import { backplaneAt } from './node-backplanes.mjs';

const { kind, port, node } = JSON.parse(process.argv[2]);

class Orders {
  async handle({ topic, data: { number, does }, attempt }) {
    if (does === `die ${node}`) process.kill(process.pid, 'SIGKILL');
    if (attempt === 1 && does === 'throw') throw new Error('thrown');
    if (attempt === 1 && does === 'hang') await new Promise(() => undefined);
    await delay(1);
    process.stdout.write(`handled ${node} ${topic} ${number} ${process.hrtime.bigint()}\n`);
  }
}
const method = Object.getOwnPropertyDescriptor(Orders.prototype, 'handle');
OnPush('orders.*', { group: 'billing', retryDelay: 5, timeout: 3_000 })(Orders.prototype, 'handle', method);

class NodeModule {}
Module({
  imports: [PushModule.forRoot({ backplane: backplaneAt(kind, port), onError: () => undefined })],
  providers: [Orders],
})(NodeModule);

const app = await NestFactory.create(NodeModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit());
process.stdin.resume();
process.stdout.write('ready\n');
