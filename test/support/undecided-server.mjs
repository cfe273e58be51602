/*
 * An application that takes its time over every decision, in a process of its own, for clients that do not wait. Where it is
 * asked to (`?at=authenticator:5:ok`), the authenticator, the policy, the connect hook or the guard waits so many milliseconds
 * and then accepts (`ok`), refuses (`no`), fails (`bug`), or never answers (`hang`). Says "port <n>" once it listens; a line on its
 * standard input is answered with what it holds for clients.
 *
 * node undecided-server.mjs '{"platform":"express"}'
 */
import 'reflect-metadata';
import { Controller, Get, Module, Req, Sse, UseGuards } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Authenticator, EventBus, OnPushConnect, PushModule, PushResources, PushTopic } from 'nestjs-push';
import { map } from 'rxjs';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const { platform } = JSON.parse(process.argv[2]);
const adapters = {
  express: () => [],
  fastify: () => [new FastifyAdapter()],
  h2: () => [new FastifyAdapter({ http2: true })],
};

/** What Node tells of bytes that are no HTTP is the framework's to answer; everything else that is not caught ends the process. */
async function decide(where, plan) {
  const [place, milliseconds, outcome] = (plan ?? '').split(':');
  if (place !== where) return true;
  await setTimeout(Number(milliseconds));
  if (outcome === 'hang') await new Promise(() => {});
  if (outcome === 'bug') throw new Error('a bug of the application');
  return outcome === 'ok';
}

class Undecided extends Authenticator {
  async authenticate({ query }) {
    const plan = query.get('at') ?? '';
    return (await decide('authenticator', plan)) ? { id: plan || 'somebody' } : undefined;
  }
}

class Policy {
  canSubscribe({ id }) {
    return decide('policy', id);
  }

  canPublish({ id }) {
    return decide('policy', id);
  }
}
PushTopic('rooms.:id')(Policy);

class Hook {
  async connect({ principal }) {
    if (!(await decide('hook', principal?.id))) throw new Error('refused');
  }
}
OnPushConnect()(Hook.prototype, 'connect', Object.getOwnPropertyDescriptor(Hook.prototype, 'connect'));

class Guard {
  canActivate(context) {
    const { url } = context.switchToHttp().getRequest();
    return decide('guard', new URL(url, 'http://x').searchParams.get('at'));
  }
}

class Routes {
  constructor(bus) {
    this.bus = bus;
  }

  own() {
    return this.bus.stream('open.1');
  }

  piped() {
    return this.bus.stream('open.1').pipe(map((message) => message));
  }

  page() {
    return 'x'.repeat(20_000);
  }
}
const decorate = (name, ...decorators) =>
  decorators.forEach((each) =>
    each(Routes.prototype, name, Object.getOwnPropertyDescriptor(Routes.prototype, name)),
  );
decorate('own', Sse('own'), UseGuards(Guard));
decorate('piped', Sse('piped'), UseGuards(Guard));
decorate('page', Get('page'), PushResources('/a.css', '/page?resource'), UseGuards(Guard));
Req()(Routes.prototype, 'page', 0);
Reflect.defineMetadata('design:paramtypes', [EventBus], Routes);
Controller()(Routes);

class UndecidedModule {}
Module({
  imports: [
    PushModule.forRoot({
      topics: [{ pattern: 'open.>', access: 'public' }],
      authenticate: Undecided,
      heartbeat: 200,
      limits: {
        decisionTimeout: 300,
        firstMessageTimeout: 300,
        stallTimeout: 1_000,
        handshakeTimeout: 2_000,
      },
      onError: () => undefined,
    }),
  ],
  controllers: [Routes],
  providers: [Policy, Hook, Guard],
})(UndecidedModule);

const app = await NestFactory.create(UndecidedModule, ...adapters[platform](), { logger: false });
await app.listen(0, '127.0.0.1');
const bus = app.get(EventBus);
setInterval(() => bus.publish('open.1', 'x'.repeat(500)).catch(() => undefined), 20);

const modules = [...app.get(ModulesContainer).values()];
const push = modules.find(({ metatype }) => metatype.name === 'PushModule');
const held = (name) => [...push.providers.values()].find(({ token }) => token.name === name).instance;
createInterface({ input: process.stdin }).on('line', () => {
  const holdings = {
    connections: held('Clients').size,
    cursors: bus.stats().connections,
    places: held('ConnectionLimiter').taken,
    decisions: held('Authentication').pending,
    heartbeats: held('TimerWheel').size,
    connecting: held('Hooks').connecting.size,
    requests: held('HttpSockets').busy.size,
    sessions: held('Http2Sessions').sessions.size,
  };
  process.stdout.write(`answer ${JSON.stringify(holdings)}\n`);
});
process.stdin.on('end', () => process.exit(0));
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
