/*
 * A node of an application with runs, in a process of its own. Says "port <n>" once it is there. A line "start <topic>" on its
 * standard input starts a run that counts from 0; "aborted <topic>" and "done <topic> <reason>" say how that goes on.
 *
 * node run-node.mjs '{"kind":"Redis","port":6379,"lease":1000}'
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Backplane, PushModule, Runs } from 'nestjs-push';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { backplaneAt } from './node-backplanes.mjs';

const { kind, port, lease } = JSON.parse(process.argv[2]);
const backplane = backplaneAt(kind, port);

class NodeModule {}
Module({
  imports: [
    PushModule.forRoot({ backplane, topics: [{ pattern: 'runs.*', access: 'public', finite: true }] }),
  ],
})(NodeModule);

const app = await NestFactory.create(NodeModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
while (!(await app.get(Backplane).health()).ready) await delay(50);

/** Does not care whether it is aborted. */
async function* numbers(topic, signal) {
  signal.addEventListener('abort', () => process.stdout.write(`aborted ${topic}\n`));
  for (let number = 0; ; number++) {
    yield number;
    await delay(20);
  }
}

async function start(topic) {
  const run = await app.get(Runs).start(topic, (signal) => numbers(topic, signal), { lease, joinFor: 0 });
  process.stdout.write(`started ${topic}\n`);
  const { reason } = await run.done;
  process.stdout.write(`done ${topic} ${reason}\n`);
}

createInterface({ input: process.stdin }).on('line', (line) => void start(line.split(' ')[1]));
// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit());
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
