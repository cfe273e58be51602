import { Injectable, UnauthorizedException } from '@nestjs/common';
import { Authenticator, type Handshake, type Principal } from 'nestjs-push';
import type { ConnectOptions, TransportName } from 'nestjs-push-client';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient, startBoard } from './support/client-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

const transports: readonly TransportName[] = ['websocket', 'sse'];

/** The login service: which tokens are good, and how often it was asked about one. */
class Logins {
  readonly good = new Set<string>();
  readonly asked: string[] = [];
}

@Injectable()
class LoginAuthenticator extends Authenticator {
  static logins: Logins;

  authenticate({ token }: Handshake): Principal | undefined {
    const { logins } = LoginAuthenticator;
    if (!token) return undefined;
    logins.asked.push(token);
    if (!logins.good.has(token)) throw new UnauthorizedException();
    return { id: 'ann' };
  }
}

/** An application whose users log in, and a proxy that can cut its connections. */
async function startLogin(firstMessage = true) {
  const logins = (LoginAuthenticator.logins = new Logins());
  const { app } = await startBoard({ authenticate: LoginAuthenticator, websocket: { firstMessage } });
  const proxy = await TcpProxy.start(app.port);
  afterTest(() => proxy.dispose());
  return { app, logins, proxy, url: `http://127.0.0.1:${proxy.port}/push` };
}

describe.each(transports)('A token over %s', (name) => {
  const options: ConnectOptions = { transports: [name], onError: () => undefined };

  it('that the server has refused is waited out until the application has another one, and nothing is missed', async () => {
    const { app, logins, proxy, url } = await startLogin();
    let current = 'old';
    let given = 0;
    const token = () => {
      given++;
      return current;
    };
    logins.good.add('old');
    const record = new ClientRecord(openClient(url, { ...options, token }));
    await record.read('board.log');
    await app.bus.publish('board.log', 1);
    await record.untilHandled(1);
    logins.good.clear();
    proxy.reset();
    const before = given;
    await eventually(() => given > before + 8);
    const refused = logins.asked.filter((asked) => asked === 'old').length;
    await app.bus.publish('board.log', 2);
    expect(record.changes.at(-1)!.status).not.toBe('closed');
    await eventually(() => record.changes.some(({ error }) => error?.code === 'UNAUTHENTICATED'));
    await eventually(() => given > before + 16);
    // The server was not asked about it once more.
    expect(logins.asked.filter((asked) => asked === 'old')).toHaveLength(refused);
    logins.good.add('new');
    current = 'new';
    await record.untilHandled(2);
    expect(record.handled).toEqual([1, 2]);
    expect(record.gaps).toEqual([]);
  });

  it('that cannot be had for a while is waited for', async () => {
    const { app, logins, proxy, url } = await startLogin();
    logins.good.add('ann');
    let isAway = false;
    let failures = 0;
    const token = () => {
      if (!isAway) return 'ann';
      failures++;
      throw new Error('The login service is away.');
    };
    const record = new ClientRecord(openClient(url, { ...options, token }));
    await record.read('board.log');
    isAway = true;
    proxy.reset();
    await eventually(() => failures > 5);
    await app.bus.publish('board.log', 1);
    isAway = false;
    await record.untilHandled(1);
    expect(record.statuses).not.toContain('closed');
  });

  it('that comes with a login is used by reconnect(), also while an older attempt is under way', async () => {
    const { app, logins, url } = await startLogin();
    logins.good.add('ann');
    let giveUp = () => {};
    const never = new Promise<undefined>((resolve) => (giveUp = () => resolve(undefined)));
    afterTest(() => giveUp());
    let isLoggedIn = false;
    let asked = 0;
    const token = () => {
      asked++;
      return isLoggedIn ? 'ann' : never;
    };
    const push = openClient(url, { ...options, token, timeout: 60_000 });
    const record = new ClientRecord(push);
    const live = record.read('board.log');
    await eventually(() => asked > 0);
    isLoggedIn = true;
    push.reconnect();
    await live;
    await app.bus.publish('board.log', 1);
    await record.untilHandled(1);
    expect(push.transport).toBe(name);
  });

  it('that another user brings is used by reconnect(), also while the connection is live', async () => {
    const { app, logins, url } = await startLogin();
    logins.good.add('ann').add('ben');
    let user = 'ann';
    const push = openClient(url, { ...options, token: () => user });
    const record = new ClientRecord(push);
    await record.read('board.log');
    user = 'ben';
    push.reconnect();
    await eventually(() => logins.asked.includes('ben'));
    await app.bus.publish('board.log', 1);
    await record.untilHandled(1);
    expect(record.handled).toEqual([1]);
  });
});

describe('A client with a choice of transports', () => {
  it('that connected before the login is on a WebSocket after it', async () => {
    const { logins, url } = await startLogin();
    logins.good.add('ann');
    let user: string | undefined;
    const push = openClient(url, { token: () => user, timeout: 3_000, onError: () => undefined });
    const record = new ClientRecord(push);
    const live = record.read('board.log');
    await record.untilStatus('closed');
    user = 'ann';
    push.reconnect();
    await live;
    expect(push.transport).toBe('websocket');
  });

  it('does not take a login service that is away for a WebSocket that is blocked', async () => {
    const { logins, url } = await startLogin();
    logins.good.add('ann');
    let failures = 0;
    const token = async () => {
      if (failures++ < 5) throw new Error('The login service is away.');
      return 'ann';
    };
    const push = openClient(url, { token });
    await new ClientRecord(push).read('board.log');
    expect(push.transport).toBe('websocket');
  });

  it('is told once why SSE carries it, where the server takes no token by a first message', async () => {
    const { app, logins, url } = await startLogin(false);
    logins.good.add('ann');
    const errors: unknown[] = [];
    const push = openClient(url, { token: () => 'ann', onError: (error) => errors.push(error) });
    const record = new ClientRecord(push);
    await record.read('board.log');
    expect(push.transport).toBe('sse');
    app.cut();
    await record.untilStatus('sse', 2);
    expect(errors).toMatchObject([{ code: 'UNAVAILABLE', message: expect.stringMatching(/firstMessage/) }]);
  });
});

describe('Publishing over SSE with a token', () => {
  it('that has expired meanwhile waits for another one, and is stored', async () => {
    const { app, logins, url } = await startLogin();
    logins.good.add('old');
    let current = 'old';
    const options = { transports: ['sse'], token: () => current, onError: () => undefined } as const;
    const push = openClient(url, options);
    const record = new ClientRecord(push);
    await record.read('board.log');
    logins.good.clear();
    const stored = push.publish('board.log', 'hello');
    await record.untilStatus('waiting');
    logins.good.add('new');
    current = 'new';
    await expect(stored).resolves.toMatch(/-1$/);
    await record.untilHandled(1);
    expect(app.bus.stats().window.events).toBe(1);
  });
});

describe('A lazy client', () => {
  it('does nothing before something is subscribed to, and can be made where there is no page', async () => {
    const nowhere = openClient('/push', { lazy: true });
    expect(nowhere.status).toBe('idle');
    nowhere.close();
    expect(nowhere.status).toBe('closed');

    const { logins, url } = await startLogin();
    logins.good.add('ann');
    let asked = 0;
    const token = () => {
      asked++;
      return 'ann';
    };
    const push = openClient(url, { lazy: true, token });
    expect([push.status, asked]).toEqual(['idle', 0]);
    await new ClientRecord(push).read('board.log');
    expect([push.status, asked]).toEqual(['live', 1]);
  });
});
