import { JwtModule, JwtService } from '@nestjs/jwt';
import { PushModule } from 'nestjs-push';
import { JwtAuthenticator, secret, topics } from './support/jwt-authenticator.js';
import { openSse, openStream } from './support/sse-reader.js';
import { platforms, startApp, type RunningApp } from './support/start-app.js';
import { refusal } from './support/upgrades.js';
import { openWs } from './support/ws-client.js';

describe.each(platforms)('tokens of @nestjs/jwt on %s', (platform) => {
  let app: RunningApp;
  let jwt: JwtService;
  const sign = (claims: object, options = {}) => jwt.sign(claims, { secret, expiresIn: 60, ...options });
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

  beforeEach(async () => {
    // The application's module imports both: nothing else has to be declared for the authenticator to get its JwtService.
    app = await startApp(platform, {
      imports: [
        JwtModule.register({ secret }),
        PushModule.forRoot({ topics, authenticate: JwtAuthenticator }),
      ],
    });
    jwt = app.nest.get(JwtService, { strict: false });
  });

  it('open a WebSocket, and give the principal its topics and an end', async () => {
    const client = await openWs(app.webSocketUrl(), { headers: bearer(sign({ sub: 'ann' })) });
    const [hello] = client.all('hello');
    expect(Number(hello!.expiresAt)).toBeGreaterThan(Date.now() + 50_000);
    expect(await client.subscribe('members.news')).toMatchObject({ event: 'subscribed' });
    await app.bus.publish('members.news', 1);
    expect(await client.untilData(1)).toEqual([1]);
  });

  it('open the SSE endpoint', async () => {
    const reader = await openStream(app.url('/push/events?topic=members.news'), {
      headers: { Cookie: `a=b; session=${sign({ sub: 'ann' })}; c` },
    });
    await app.bus.publish('members.news', { n: 1 });
    await reader.untilEvents(1);
    expect(reader.data).toEqual(['{"topic":"members.news","data":{"n":1}}']);
  });

  it.each([
    ['none', () => undefined, 'Who you are could not be established. Bring a token.'],
    ['no token at all', () => 'nonsense', 'The token is not valid.'],
    ['one of another key', () => jwt.sign({ sub: 'ann' }, { secret: 'forged' }), 'The token is not valid.'],
    ['an expired one', () => sign({ sub: 'ann' }, { expiresIn: -1 }), 'The token is not valid.'],
    ['an unsigned one', () => `${part({ alg: 'none' })}.${part({ sub: 'ann' })}.`, 'The token is not valid.'],
    ['one whose time has not come', () => sign({ sub: 'ann' }, { notBefore: 60 }), 'The token is not valid.'],
    ['one whose claims were changed', () => forge(sign({ sub: 'ann' })), 'The token is not valid.'],
  ])('refuse with an honest 401: %s', async (_, token, message) => {
    const jwt = token();
    const headers = jwt ? bearer(jwt) : {};
    const websocket = await refusal(app.webSocketUrl(), headers);
    const body = { statusCode: 401, code: 'UNAUTHENTICATED', message };
    expect(websocket).toMatchObject({ status: 401, body, headers: { 'www-authenticate': 'Bearer' } });
    const sse = await openSse(app.url('/push/events?topic=members.news'), { headers });
    expect(sse.status).toBe(401);
    expect(sse.response.headers['www-authenticate']).toBe('Bearer');
    expect(JSON.parse(await sse.untilEnd())).toEqual(body);
  });

  it('refuse a principal without the right: 403 before the stream', async () => {
    const reader = await openSse(app.url('/push/events?topic=nobody.opened'), {
      headers: bearer(sign({ sub: 'ann' })),
    });
    expect(reader.status).toBe(403);
    expect(JSON.parse(await reader.untilEnd())).toMatchObject({ code: 'FORBIDDEN' });
  });
});

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function forge(token: string): string {
  const [head, , signature] = token.split('.');
  return [head, part({ sub: 'admin', exp: Date.now() }), signature].join('.');
}

describe('keys and clocks', () => {
  it('keys rotate: tokens of the old key are good until it is withdrawn', async () => {
    const keys = new Map([['2025', 'the old secret, long enough for HS256']]);
    const app = await startApp('express', {
      imports: [
        JwtModule.register({
          secretOrKeyProvider: (_type, token) => {
            const { kid } = JSON.parse(Buffer.from(String(token).split('.')[0]!, 'base64url').toString()) as {
              kid: string;
            };
            return keys.get(kid)!;
          },
        }),
        PushModule.forRoot({ topics, authenticate: JwtAuthenticator }),
      ],
    });
    const signed = (keyid: string) =>
      new JwtService({}).sign({ sub: 'ann' }, { secret: keys.get(keyid), keyid, expiresIn: 60 });
    const old = signed('2025');
    keys.set('2026', 'the new secret, long enough for HS256');
    for (const token of [old, signed('2026')]) {
      const client = await openWs(app.webSocketUrl(), { headers: { Authorization: `Bearer ${token}` } });
      expect(client.all('hello')).toHaveLength(1);
    }
    keys.delete('2025');
    expect(await refusal(app.webSocketUrl(), { Authorization: `Bearer ${old}` })).toMatchObject({
      status: 401,
    });
  });

  it('a clock that is off by less than the tolerance lets a token in; the connection still ends at its time', async () => {
    const app = await startApp('express', {
      imports: [
        JwtModule.register({ secret, verifyOptions: { clockTolerance: 30 } }),
        PushModule.forRoot({ topics, authenticate: JwtAuthenticator }),
      ],
    });
    const jwt = new JwtService({ secret });
    const early = jwt.sign({ sub: 'ann' }, { notBefore: 20, expiresIn: 60 });
    const client = await openWs(app.webSocketUrl(), { headers: { Authorization: `Bearer ${early}` } });
    expect(client.all('hello')).toHaveLength(1);
    // The tolerance is for the start of a token. An expiry that has passed is not made to live on.
    const late = jwt.sign({ sub: 'ann' }, { expiresIn: -10 });
    expect(await refusal(app.webSocketUrl(), { Authorization: `Bearer ${late}` })).toMatchObject({
      status: 401,
      body: { message: 'The authentication has expired. Come back with a new token.' },
    });
  });
});
