import { PushAccess, PushLifecycle } from 'nestjs-push';
import { connect } from 'node:net';
import { connect as connectHttp2 } from 'node:http2';
import { afterTest } from './support/cleanup.js';
import { authenticator, isHeld, numbers, policy, startChat, type Gate } from './support/gated-chat.js';
import { platforms, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

/*
 * What a client says before it leaves, or before it is sent away, is handled in order and stored, whatever has to be waited for.
 * Its answers have nobody to go to. What comes after its right was taken is not handled.
 */

let app: RunningApp;
let stored: unknown[];

async function start(platform: Platform): Promise<void> {
  ({ app, stored } = await startChat(platform));
}

describe.each(platforms)('Last words over POST /push/publish, on %s', (platform) => {
  const post = (data: unknown, name = 'ann') => {
    const body = JSON.stringify({ topic: 'chat.a', data });
    const head = ['Host: x', 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
    return `POST /push/publish?name=${name} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`;
  };

  it.each<[string, () => Gate]>([
    ['the authenticator', () => authenticator],
    ['the policy', () => policy],
  ])('are stored when the client leaves while %s decides', async (_, gate) => {
    await start(platform);
    gate().shut();
    const socket = connect(app.port, '127.0.0.1', () => {
      socket.write(post('a'.repeat(20_000)));
    });
    afterTest(() => socket.destroy());
    await isHeld(gate());
    socket.resetAndDestroy();
    await eventually(() => app.sockets.size === 0);
    gate().open();
    await eventually(() => stored.length === 1);
    expect(stored).toEqual(['a'.repeat(20_000)]);
  });

  it('are stored when the client closes right after it has written', async () => {
    await start(platform);
    for (const n of numbers(20)) {
      const socket = connect(app.port, '127.0.0.1', () => socket.end(post(n)));
      socket.on('error', () => undefined).resume();
      afterTest(() => socket.destroy());
    }
    await eventually(() => stored.length === 20);
  });

  it('before a disconnect are stored', async () => {
    await start(platform);
    policy.shut();
    const socket = connect(app.port, '127.0.0.1', () => socket.write(post('before')));
    afterTest(() => socket.destroy());
    await isHeld(policy);
    await app.nest.get(PushAccess).disconnectUser('ann');
    policy.open();
    await eventually(() => stored.length === 1);
  });

  it('are awaited by a drain', async () => {
    await start(platform);
    policy.shut();
    const socket = connect(app.port, '127.0.0.1', () => socket.write(post('before')));
    await isHeld(policy);
    socket.destroy();
    let isDone = false;
    const draining = app.nest
      .get(PushLifecycle)
      .drain()
      .then(() => (isDone = true));
    await eventually(() => app.sockets.size === 0);
    expect(isDone).toBe(false);
    policy.open();
    await draining;
    await eventually(() => stored.length === 1);
    expect(stored).toEqual(['before']);
  });
});

it('Last words over an HTTP/2 stream that is reset are stored', async () => {
  await start('fastify with TLS');
  authenticator.shut();
  const session = connectHttp2(app.url(''), { rejectUnauthorized: false });
  session.on('error', () => undefined);
  afterTest(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/push/publish?name=ann',
    'content-type': 'application/json',
  });
  stream.on('error', () => undefined);
  stream.end(JSON.stringify({ topic: 'chat.a', data: 'h2' }));
  await isHeld(authenticator);
  stream.close(8);
  await new Promise((resolve) => stream.once('close', resolve));
  authenticator.open();
  await eventually(() => stored.length === 1);
});
