import { ForbiddenException, Injectable, Logger } from '@nestjs/common';
import {
  Authenticator,
  OnPushConnect,
  PushAccess,
  PushError,
  PushModule,
  PushTopic,
  type ConnectionContext,
  type Handshake,
  type PushOptions,
  type TopicPolicy,
} from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { postJson } from './support/post-json.js';
import { openSse, openStream } from './support/sse-reader.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs } from './support/ws-client.js';

/** What no line may hold: the token of every client here, and the data of every event. */
const token = 'secret-token-51c9';
const payload = 'secret-payload-77aa';

/** Knows `token`, with the name of the user before it. Its errors hold what they must not show. */
@Injectable()
class TokenAuthenticator extends Authenticator {
  authenticate({ token: given }: Handshake) {
    const [name, secret] = given?.split(':') ?? [];
    if (secret === token) return { id: name! };
    if (name === 'http') throw new ForbiddenException(`Not with ${given}.`);
    if (name === 'push') throw new PushError('UNAVAILABLE', `Not now, with ${given}.`);
    if (name === 'bug') throw new Error(`Cannot read ${given}.`);
    return undefined;
  }
}

@PushTopic('orders.:id')
class OrdersPolicy implements TopicPolicy {
  canSubscribe = () => false;
  canPublish = () => true;
  transform(_principal: unknown, _params: unknown, { data }: { data: unknown }) {
    if (JSON.stringify(data).includes('bad'))
      throw new PushError('LIMIT_EXCEEDED', `Not ${JSON.stringify(data)}.`);
    return data;
  }
}

@Injectable()
class Hooks {
  @OnPushConnect()
  connected({ principal }: ConnectionContext) {
    if (principal?.id === 'eve') throw new PushError('FORBIDDEN', `Not with ${token}.`);
  }
}

class DebugLogger {
  readonly lines: string[] = [];
  readonly all: string[] = [];
  readonly log = (...what: unknown[]) => this.keep(what);
  readonly warn = (...what: unknown[]) => this.keep(what);
  readonly error = (...what: unknown[]) => this.keep(what);
  readonly verbose = (...what: unknown[]) => this.keep(what);

  // The category is the last of what Nest passes: there may be an empty place before it.
  debug = (message: unknown, ...more: unknown[]) => {
    this.keep([message]);
    if (more.at(-1) === 'Push') this.lines.push(String(message));
  };

  private keep(what: unknown[]): void {
    this.all.push(what.map(String).join(' '));
  }

  /** The lines that begin so. */
  of(kind: string): string[] {
    return this.lines.filter((line) => line.startsWith(kind));
  }
}

async function start(options: PushOptions = {}): Promise<{ app: RunningApp; logger: DebugLogger }> {
  const logger = new DebugLogger();
  afterTest(() => Logger.overrideLogger(false));
  const topics = [{ pattern: 'news.>', access: 'authenticated' as const }];
  const push = PushModule.forRoot({
    topics,
    authenticate: TokenAuthenticator,
    onError: () => undefined,
    ...options,
  });
  const app = await startApp('express', { imports: [push], providers: [OrdersPolicy, Hooks] }, () =>
    Logger.overrideLogger(logger),
  );
  return { app, logger };
}

const as = (name: string, secret = token) => ({ headers: { authorization: `Bearer ${name}:${secret}` } });
const newsUrl = '/push/events?topic=news.a';
const id = '[0-9a-f-]{36}';

describe('At debug level, in the category Push', () => {
  it('a client has a line when it connects, and one with the reason when it is gone', async () => {
    const { app, logger } = await start();
    const stream = await openStream(app.url(newsUrl), as('ann'));
    const socket = await openWs(app.webSocketUrl(), as('bob'));
    await eventually(() => logger.of('Connected').length === 2);
    expect(logger.of('Connected')).toEqual([
      expect.stringMatching(`^Connected: ${id} by sse, principal ann$`),
      expect.stringMatching(`^Connected: ${id} by websocket, principal bob$`),
    ]);
    stream.drop();
    await app.nest.get(PushAccess).disconnectUser('bob');
    await eventually(() => logger.of('Disconnected').length === 2);
    const ends = logger.of('Disconnected').sort();
    expect(ends.find((line) => line.includes('ann'))).toMatch(/ by sse, principal ann, reason client$/);
    expect(ends.find((line) => line.includes('bob'))).toMatch(
      / by websocket, principal bob, reason error \([A-Z]+\)$/,
    );
    await socket.untilClosed();
  });

  it('a refused message has a line with its connection, its principal and the reason', async () => {
    const { app, logger } = await start();
    const socket = await openWs(app.webSocketUrl(), as('ann'));
    await socket.ask('subscribe', { topics: ['orders.1'] });
    await socket.ask('unheard-of', { token });
    await eventually(() => logger.of('Refused').length === 2);
    const [connected] = logger.of('Connected');
    const [, connection] = new RegExp(`(${id})`).exec(connected!)!;
    expect(logger.of('Refused').sort()).toEqual([
      `Refused: ${connection} by websocket, principal ann, FORBIDDEN: Not allowed to subscribe to orders.1.`,
      `Refused: ${connection} by websocket, principal ann, INVALID_MESSAGE`,
    ]);
  });

  it('a client that is not let in has one line, with its transport, address, and principal if it is known', async () => {
    const { app, logger } = await start();
    const wrong = as('ann', 'wrong');
    const refusals: [() => Promise<unknown>, string][] = [
      [() => openSse(app.url(newsUrl), wrong), 'sse from 127.0.0.1, UNAUTHENTICATED'],
      [() => connectWs(app.webSocketUrl(), wrong).untilClosed(), 'websocket from 127.0.0.1, UNAUTHENTICATED'],
      [
        () => openSse(app.url('/push/events?topic=orders.1'), as('ann')),
        'sse from 127.0.0.1, principal ann, FORBIDDEN: Not allowed to subscribe to orders.1.',
      ],
      [
        () => postJson(app.url('/push/publish'), { topic: 'news.a', data: payload }, as('ann').headers),
        'sse from 127.0.0.1, principal ann, FORBIDDEN: Not allowed to publish to news.a.',
      ],
    ];
    for (const [ask, line] of refusals) {
      const before = logger.of('Refused').length;
      await ask();
      await eventually(() => logger.of('Refused').length > before);
      expect(logger.of('Refused').slice(before)).toEqual([`Refused: a client by ${line}`]);
    }
  });

  it('an EventSource that is told of a refusal in a stream has its line too', async () => {
    const { app, logger } = await start({ limits: { connectionsPerAddress: 1 } });
    await openStream(app.url(newsUrl), as('ann'));
    const { headers } = as('ann');
    const refused = await openSse(app.url(newsUrl), {
      headers: { ...headers, accept: 'text/event-stream' },
    });
    await refused.untilEnd();
    expect(logger.of('Refused')).toEqual([
      expect.stringMatching(/^Refused: a client by sse from 127.0.0.1, LIMIT_EXCEEDED: /),
    ]);
  });
});

it('No line, at any level, holds a token or a payload, whatever fails', async () => {
  const { app, logger } = await start();
  const stream = await openStream(app.url(newsUrl), as('ann'));
  await app.bus.publish('news.a', payload);
  await stream.untilEvents(1);
  for (const name of ['http', 'push', 'bug', 'none']) {
    const secret = `${token}-`;
    await openSse(app.url(newsUrl), as(name, secret));
    await openSse(app.url(`/push/events?topic=news.a&token=${name}:${secret}`));
    await connectWs(app.webSocketUrl(), as(name, secret)).untilClosed();
  }
  await openSse(app.url(newsUrl), as('eve'));
  expect(logger.of('Refused').at(-1)).toMatch(
    new RegExp(`^Refused: ${id} by sse, principal eve, FORBIDDEN$`),
  );
  await openSse(app.url(`/push/events?topic=news.a&ticket=${token}`));
  const socket = await openWs(app.webSocketUrl(), as('ann'));
  await socket.ask('refresh', { token: `push:${token}-` });
  await socket.ask('refresh', { token: `bug:${token}-` });
  await socket.ask('publish', { topic: 'orders.1', data: `bad ${payload}` });
  await socket.ask('publish', { topic: 'news.a', data: payload });
  await socket.ask('publish', { topic: 7, data: payload });
  socket.send(`{ "event": "publish", "data": ${payload} }`);
  await socket.ask('subscribe', { topics: ['news.a'] });
  await postJson(app.url('/push/publish'), { topic: 'orders.1', data: `bad ${payload}` }, as('ann').headers);
  await postJson(app.url('/push/publish'), payload as never, as('ann').headers);
  expect(logger.of('Refused').length).toBeGreaterThan(15);
  const text = logger.all.join('\n');
  expect(text).not.toContain(token);
  expect(text).not.toContain(payload);
});

// The last one: what it leaves out is of the second in which it runs.
it('a flood of refusals does not become a flood of lines', async () => {
  const { app, logger } = await start();
  const asked = 400;
  for (let n = 0; n < asked; n += 20)
    await Promise.all(
      Array.from({ length: 20 }, () => fetch(app.url(newsUrl), as('ann', 'wrong')).then((it) => it.text())),
    );
  const omitted = () =>
    [...logger.all.join('\n').matchAll(/(\d+) of "Refused"/g)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  // Whatever was left out in a second is told at its end. A slow machine may need so long that nothing is left out.
  await eventually(() => logger.of('Refused').length + omitted() === asked);
});
