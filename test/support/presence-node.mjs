/*
 * A node of an application with presence, in a process of its own. Says "port <n>" once it listens. A line "view" on its standard
 * input is answered by "view <json>": who is in each room as it knows it, and the changes of each room since it started.
 *
 * node presence-node.mjs '{"kind":"Redis","port":6379,"rooms":["rooms.0"],"grace":5000}'
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Authenticator, Backplane, EventBus, PushModule } from 'nestjs-push';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { backplaneAt } from './node-backplanes.mjs';

const { kind, port, rooms, grace } = JSON.parse(process.argv[2]);
const backplane = backplaneAt(kind, port);

/** The token is the user's name. */
class NameAuthenticator extends Authenticator {
  authenticate({ token }) {
    return token && { id: token };
  }
}

class NodeModule {}
Module({
  imports: [
    PushModule.forRoot({
      backplane,
      authenticate: NameAuthenticator,
      topics: [{ pattern: 'rooms.*', access: 'authenticated', presence: { grace } }],
      heartbeat: 1_000,
    }),
  ],
})(NodeModule);

const app = await NestFactory.create(NodeModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
while (!(await app.get(Backplane).health()).ready) await delay(50);
const bus = app.get(EventBus);
const changes = [];
for (const room of rooms)
  bus.presence(room).changes.subscribe(({ type, user }) => changes.push([room, user.user, type]));

createInterface({ input: process.stdin }).on('line', () => {
  const users = rooms.map((room) => [
    room,
    bus
      .presence(room)
      .users()
      .map(({ user }) => user),
  ]);
  process.stdout.write(`view ${JSON.stringify({ users, changes })}\n`);
});
// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit());
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
