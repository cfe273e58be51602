import { PushAccess, PushLifecycle, type PushOptions } from 'nestjs-push';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterTest } from './support/cleanup.js';
import {
  authenticator,
  hook,
  isHeld,
  message,
  numbers,
  policy,
  say,
  startChat,
  welcome,
} from './support/gated-chat.js';
import { platformsWithHttp2, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs, type WsClient } from './support/ws-client.js';
import { clientFrame, handshakeHeaders } from './support/ws-frames.js';

/*
 * What a client says before it leaves, or before it is sent away, is handled in order and stored, whatever has to be waited for.
 * Its answers have nobody to go to. What comes after its right was taken is not handled.
 */

let app: RunningApp;
let stored: unknown[];

async function start(platform: Platform, options?: PushOptions): Promise<void> {
  ({ app, stored } = await startChat(platform, options));
}

const enter = (name = 'ann'): Promise<WsClient> => openWs(`${app.webSocketUrl()}?name=${name}`);

/** A connection that is there, whether it is greeted or not. */
async function open(path = ''): Promise<WsClient> {
  const client = connectWs(`${app.webSocketUrl()}${path}`);
  await once(client.socket, 'open');
  return client;
}

describe.each(platformsWithHttp2)('Last words over a WebSocket, on %s', (platform) => {
  it('are stored, in order, when the page publishes and closes at once', async () => {
    await start(platform);
    policy.shut();
    const client = await enter();
    for (const n of numbers(20)) client.send(say(n));
    client.socket.close();
    await isHeld(policy);
    await client.untilClosed();
    for (const n of numbers(20)) {
      await eventually(() => policy.waiting > n);
      policy.open();
      if (n < 19) policy.shut();
    }
    await eventually(() => stored.length === 20);
    expect(stored).toEqual(numbers(20));
  });

  it('are not more than the inbox takes, and none is lost', async () => {
    await start(platform, {
      limits: {
        publish: { perSecond: 1e6, burst: 1e6 },
        publishPerPrincipal: { perSecond: 1e6, burst: 1e6 },
      },
    });
    const client = await enter();
    for (const n of numbers(500)) client.send(say(n));
    client.socket.close();
    await eventually(() => stored.length === 500);
    expect(stored).toEqual(numbers(500));
  });

  it('wait for the hooks that let the client in', async () => {
    await start(platform);
    hook.shut();
    const client = await open('?name=ann');
    client.send(say('early'));
    client.socket.close();
    await isHeld(hook);
    await client.untilClosed();
    hook.open();
    await eventually(() => stored.length === 1);
  });

  it('of whom the hooks refuse are not handled', async () => {
    await start(platform);
    hook.shut();
    welcome.fails = true;
    const client = await open('?name=ann');
    client.send(say('refused'));
    client.socket.close();
    await isHeld(hook);
    await client.untilClosed();
    hook.open();
    await eventually(() => app.bus.stats().connections === 1);
    welcome.fails = false;
    const other = await enter();
    await other.ask('publish', { topic: 'chat.a', data: 'welcome' });
    await eventually(() => stored.length > 0);
    expect(stored).toEqual(['welcome']);
  });

  it('include the token that they are said by', async () => {
    await start(platform);
    const client = await open();
    authenticator.shut();
    client.send(message('authenticate', { token: 'ann' }));
    client.send(say('first'));
    client.send(message('unsubscribe', { topics: ['chat.a'] }));
    client.send(message('refresh', { token: 'ann' }));
    client.send(say('second'));
    client.socket.close();
    await isHeld(authenticator);
    await client.untilClosed();
    authenticator.open();
    await eventually(() => stored.length === 2);
    expect(stored).toEqual(['first', 'second']);
  });

  it('of a token that is no good are not handled', async () => {
    await start(platform);
    const client = await open();
    client.send(message('authenticate', { token: ':' }));
    client.send(say('never'));
    client.socket.close();
    await client.untilClosed();
    const other = await enter();
    await other.ask('publish', { topic: 'chat.a', data: 'allowed' });
    await eventually(() => stored.length > 0);
    expect(stored).toEqual(['allowed']);
  });

  it.each<[string, string, () => unknown]>([
    ['its user is disconnected', 'ann', () => app.nest.get(PushAccess).disconnectUser('ann')],
    ['its token expires', 'ann:3000', () => undefined],
  ])('before %s are stored; those after are not', async (_, name, end) => {
    await start(platform);
    const client = await enter(name);
    policy.shut();
    client.send(say('before'));
    client.send(say('before too'));
    await isHeld(policy);
    await end();
    await eventually(() => client.all('error').length > 0);
    client.send(say('after'));
    await client.untilClosed();
    policy.open();
    await eventually(() => stored.length === 2);
    const other = await enter('bob');
    await other.ask('publish', { topic: 'chat.a', data: 'last' });
    await eventually(() => stored.includes('last'));
    expect(stored).toEqual(['before', 'before too', 'last']);
  });

  it('before a drain are awaited by it', async () => {
    await start(platform);
    const client = await enter();
    policy.shut();
    client.send(say('before'));
    client.send(say('before too'));
    await isHeld(policy);
    let isDone = false;
    const draining = app.nest
      .get(PushLifecycle)
      .drain()
      .then(() => (isDone = true));
    await client.untilClosed();
    expect([isDone, stored]).toEqual([false, []]);
    policy.open();
    await draining;
    await eventually(() => stored.length === 2);
    expect(stored).toEqual(['before', 'before too']);
  });
});

it('Last words that come with the handshake and its end are stored', async () => {
  await start('express');
  authenticator.shut();
  const words = [clientFrame(say('all at once')), clientFrame(Buffer.from([3, 232]), { opcode: 8 })];
  const handshake = ['GET /push?name=ann HTTP/1.1', 'Host: x', ...handshakeHeaders(), '', ''].join('\r\n');
  const socket = connect(app.port, '127.0.0.1', () => {
    socket.end(Buffer.concat([Buffer.from(handshake), ...words]));
  });
  socket.resume();
  afterTest(() => socket.destroy());
  await isHeld(authenticator);
  // The server has got the end, too.
  const [accepted] = [...app.sockets];
  const reading = Reflect.get(accepted!, '_readableState') as { readonly ended: boolean };
  await eventually(() => reading.ended);
  authenticator.open();
  await eventually(() => stored.length === 1);
});
