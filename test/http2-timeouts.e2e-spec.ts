import { Controller, Sse } from '@nestjs/common';
import { EventBus, PushModule } from 'nestjs-push';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { afterTest } from './support/cleanup.js';
import { openHttp2Sse } from './support/http2-sse.js';
import { openHttp2WebSocket } from './support/http2-websocket.js';
import { startApp, type RunningApp } from './support/start-app.js';

@Controller()
class EventsController {
  constructor(private readonly bus: EventBus) {}

  @Sse('events')
  events() {
    return this.bus.stream('a.1');
  }
}

/** Nothing goes over a connection by itself, and a session without traffic is closed after 200 ms. */
async function start(): Promise<RunningApp> {
  const topics = [{ pattern: 'a.*', access: 'public' }] as const;
  const imports = [PushModule.forRoot({ heartbeat: 600_000, topics })];
  return startApp('fastify over HTTP/2', { imports, controllers: [EventsController] }, (app) => {
    const server = app.getHttpServer() as NodeJS.EventEmitter;
    server.on('session', (session: ServerHttp2Session) => session.setTimeout(200, () => session.close()));
  });
}

async function sessionOf(app: RunningApp): Promise<ClientHttp2Session> {
  const { port } = (app.nest.getHttpServer() as Server).address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`);
  afterTest(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

/** A session that begins now and carries nothing has timed out: so would every one that had no traffic since. */
async function timeout(app: RunningApp): Promise<void> {
  await once(await sessionOf(app), 'close');
}

describe('The timeout of an HTTP/2 session', () => {
  it('does not end one that carries event streams, however quiet they are', async () => {
    const app = await start();
    const session = await sessionOf(app);
    const first = await openHttp2Sse(session, '/events');
    const second = await openHttp2Sse(session, '/events');
    await timeout(app);
    first.stream.close();
    await once(first.stream, 'close');
    await timeout(app);
    expect(session.closed).toBe(false);
    await app.nest.get(EventBus).publish('a.1', 'still here');
    await second.reader.until(() => second.reader.body.includes('still here'));
  });

  it('does not end one that carries a WebSocket', async () => {
    const app = await start();
    const session = await sessionOf(app);
    await openHttp2WebSocket(session, '/push');
    await timeout(app);
    expect(session.closed).toBe(false);
  });

  it('is what it was once the last of them has ended', async () => {
    const app = await start();
    const session = await sessionOf(app);
    const { stream } = await openHttp2Sse(session, '/events');
    await timeout(app);
    const closed = once(session, 'close');
    stream.close();
    await closed;
  });
});
