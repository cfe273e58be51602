import { JwtModule, JwtService } from '@nestjs/jwt';
import { PushModule, type PushOptions } from 'nestjs-push';
import { JwtAuthenticator, secret, topics } from './support/jwt-authenticator.js';
import { startApp } from './support/start-app.js';
import { refusal } from './support/upgrades.js';
import { connectWs, openWs } from './support/ws-client.js';

describe('authentication by the first message', () => {
  const options = { authenticate: JwtAuthenticator, websocket: { firstMessage: true } };
  const start = (more: PushOptions = {}) =>
    startApp('fastify', {
      imports: [
        JwtModule.register({ secret, signOptions: { expiresIn: 60 } }),
        PushModule.forRoot({ topics, ...options, ...more }),
      ],
    });
  const jwt = new JwtService({ secret, signOptions: { expiresIn: 60 } });

  it('says nothing until the token has come, then greets', async () => {
    const app = await start();
    const client = connectWs(app.webSocketUrl());
    await new Promise((resolve) => client.socket.once('open', resolve));
    expect(await client.ask('subscribe', { topics: ['public.news'] })).toMatchObject({
      event: 'error',
      code: 'UNAUTHENTICATED',
    });
    expect(await client.ask('publish', { topic: 'public.news', data: 1 })).toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    expect(await client.ask('authenticate', { token: jwt.sign({ sub: 'ann' }) })).toMatchObject({
      event: 'hello',
      expiresAt: expect.any(Number) as number,
    });
    expect(await client.subscribe('members.news')).toMatchObject({ event: 'subscribed' });
    expect(await client.ask('authenticate', { token: jwt.sign({ sub: 'bob' }) })).toMatchObject({
      event: 'error',
      code: 'INVALID_MESSAGE',
    });
  });

  it('ends with 4401 when the token is not good', async () => {
    const app = await start();
    const client = connectWs(app.webSocketUrl());
    await new Promise((resolve) => client.socket.once('open', resolve));
    client.send({ event: 'authenticate', data: { token: 'nonsense' } });
    expect((await client.untilClosed()).code).toBe(4401);
    expect(client.all('error')).toMatchObject([
      { code: 'UNAUTHENTICATED', message: 'The token is not valid.' },
    ]);
  });

  it('ends with 4401 when it does not come in time', async () => {
    const app = await start({ limits: { firstMessageTimeout: 50 } });
    const client = connectWs(app.webSocketUrl());
    expect((await client.untilClosed()).code).toBe(4401);
  });

  it('is not needed by who authenticates at the handshake, and no way around for who fails there', async () => {
    const app = await start();
    const client = await openWs(app.webSocketUrl(), {
      headers: { Authorization: `Bearer ${jwt.sign({ sub: 'ann' })}` },
    });
    expect(client.all('hello')).toHaveLength(1);
    expect(await refusal(app.webSocketUrl(), { Authorization: 'Bearer forged' })).toMatchObject({
      status: 401,
    });
  });

  it('is no way in where it is not allowed', async () => {
    const app = await start({ websocket: {} });
    expect(await refusal(app.webSocketUrl())).toMatchObject({ status: 401 });
  });
});
