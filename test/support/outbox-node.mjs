/*
 * A node of an application with an outbox, in a process of its own. Says "ready" once it is there. A line of JSON on its standard
 * input is one of
 *
 * {"stop":"claim","count":1,"signal":"SIGSTOP"}: it sends itself that signal when its relay comes to that step for the count-th time
 *   from now on, and says "at claim" before
 * {"ask":1}: it says "relay 1 true" if it is the one that relays
 * {"close":true}: it shuts down
 *
 * node outbox-node.mjs '{"kind":"Redis","port":6379,"options":{},"url":"postgres://push@127.0.0.1:5432/push","lease":1000}'
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Backplane, PushModule } from 'nestjs-push';
import { PushOutbox, PushOutboxModule } from 'nestjs-push/outbox';
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { backplaneAt } from './node-backplanes.mjs';

const { kind, port, options, url, lease } = JSON.parse(process.argv[2]);

let stop;
subscribe('nestjs-push.outbox', ({ step }) => {
  if (step !== stop?.stop || --stop.count > 0) return;
  const { signal } = stop;
  stop = undefined;
  // What goes by an event loop that stands still would not arrive.
  writeSync(1, `at ${step}\n`);
  process.kill(process.pid, signal);
});

class NodeModule {}
Module({
  imports: [
    PushModule.forRoot({
      backplane: backplaneAt(kind, port, { publishTimeout: 60_000, ...options }),
      topics: [{ pattern: '>', access: 'public' }],
      retention: { events: 20_000 },
    }),
    PushOutboxModule.forRoot({ url, lease, pollInterval: 100 }),
  ],
})(NodeModule);

const app = await NestFactory.create(NodeModule, { logger: ['error', 'warn'] });
await app.init();
while (!(await app.get(Backplane).health()).ready) await delay(20);

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.stop) stop = command;
  else if (command.close) void app.close().then(() => process.exit());
  else
    void app
      .get(PushOutbox)
      .stats()
      .then(({ isRelay }) => writeSync(1, `relay ${command.ask} ${isRelay}\n`));
});
// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit());
writeSync(1, 'ready\n');
