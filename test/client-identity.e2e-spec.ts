import { PushModule, PushTopic, type Backplane, type PushOptions, type TopicPolicy } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { once } from 'node:events';
import { as, NameAuthenticator, Users } from './support/roles.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { SharedMemory } from './support/shared-memory.js';
import { openStream } from './support/sse-reader.js';
import { platformsWithHttp2, startApp, type Platform, type RunningApp } from './support/start-app.js';
import { eventually } from './support/watched.js';
import { connectWs, openWs, type Message } from './support/ws-client.js';

@PushTopic('chat.:room')
class ChatPolicy implements TopicPolicy {
  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }
}

/** One connection of a client, whatever carries it. */
interface Chat {
  /** What `hello` says. */
  readonly hello: { readonly connection: string; readonly client: string };
  /** Publishes to chat.1. Resolves with the status or the name of the answer. */
  say(data: unknown, more?: object): Promise<unknown>;
  /** The data that has come, once one of it is `last`. */
  until(last: unknown): Promise<unknown[]>;
  drop(): void;
}

type Door = (app: RunningApp, user: string, from?: string, client?: string) => Promise<Chat>;

const query = (client: string | undefined) => (client === undefined ? '' : `?client=${client}`);

const webSocket: Door = async (app, user, from, client) => {
  const ws = await openWs(app.webSocketUrl(`/push${query(client)}`), as(user));
  await ws.subscribe('chat.1', from);
  return {
    hello: ws.all('hello')[0] as unknown as Chat['hello'],
    say: async (data, more) =>
      (await ws.ask('publish', { topic: 'chat.1', data, echo: false, ...more })).event,
    until: async (last) => {
      await ws.until(() => ws.data.includes(last));
      return ws.data;
    },
    drop: () => ws.socket.terminate(),
  };
};

const overHttp: Door = async (app, user, from, client) => {
  const headers = { ...as(user).headers, 'content-type': 'application/json' };
  const stream = await openStream(app.url(`/push/events${query(client)}`), {
    method: 'POST',
    headers,
    body: JSON.stringify({ subscribe: [{ topics: ['chat.1'], from, ref: 'a' }] }),
  });
  const messages = () => stream.data.map((text) => JSON.parse(text) as Message);
  await stream.until(() => messages().some(({ event }) => event === 'live'));
  const hello = messages()[0]!.data as unknown as Chat['hello'];
  const data = () =>
    messages().flatMap((message) => (message.event === 'message' ? [message.data.data] : []));
  return {
    hello,
    say: async (said, more) => {
      const body = JSON.stringify({ topic: 'chat.1', data: said, echo: false, ...more });
      const answer = await fetch(app.url(`/push/publish${query(hello.client)}`), {
        method: 'POST',
        headers,
        body,
      });
      return answer.status;
    },
    until: async (last) => {
      await stream.until(() => data().includes(last));
      return data();
    },
    drop: () => stream.drop(),
  };
};

/** A client that knows of no identity, and names the connection of its stream. */
const olderOverHttp: Door = async (app, user, from) => {
  const chat = await overHttp(app, user, from);
  const headers = { ...as(user).headers, 'content-type': 'application/json' };
  return {
    ...chat,
    say: async (data, more) => {
      const named = { connection: chat.hello.connection, ...more };
      const body = JSON.stringify({ topic: 'chat.1', data, echo: false, ...named });
      return (await fetch(app.url('/push/publish'), { method: 'POST', headers, body })).status;
    },
  };
};

function start(platform: Platform = 'express', options: PushOptions = {}) {
  return startApp(platform, {
    imports: [PushModule.forRoot({ authenticate: NameAuthenticator, ...options })],
    providers: [Users, ChatPolicy],
  });
}

const doors: [string, Door][] = [
  ['a WebSocket', webSocket],
  ['messages over HTTP', overHttp],
];

describe.each(platformsWithHttp2)('echo: false, with %s', (platform) => {
  describe.each(doors)('over %s', (_, open) => {
    it('holds after a reconnect, and keeps nothing else back', async () => {
      const app = await start(platform);
      const first = await open(app, 'ann');
      const bob = await webSocket(app, 'bob');
      await first.say('mine');
      await bob.until('mine');
      first.drop();
      const { client } = first.hello;
      await app.bus.publish('chat.1', 'theirs');
      const second = await open(app, 'ann', 'earliest', client);
      expect(second.hello.client).toBe(client);
      expect(second.hello.connection).not.toBe(first.hello.connection);
      await second.say('mine too');
      await app.bus.publish('chat.1', 'last');
      expect(await second.until('last')).toEqual(['theirs', 'last']);
      expect(await bob.until('last')).toEqual(['mine', 'theirs', 'mine too', 'last']);
    });

    it('holds when the publishing had to be repeated on the next connection', async () => {
      const app = await start(platform);
      const first = await open(app, 'ann');
      await first.say('mine', { messageId: 'm1' });
      first.drop();
      const second = await open(app, 'ann', 'earliest', first.hello.client);
      await second.say('mine', { messageId: 'm1' });
      await app.bus.publish('chat.1', 'last');
      expect(await second.until('last')).toEqual(['last']);
    });

    it('is nothing that another user could say for the client, nor take from it', async () => {
      const app = await start(platform);
      const ann = await open(app, 'ann');
      const bob = await open(app, 'bob', 'now', ann.hello.client);
      expect(bob.hello.client).not.toBe(ann.hello.client);
      await bob.say('for all but bob', { connection: ann.hello.connection });
      expect(await ann.until('for all but bob')).toEqual(['for all but bob']);
      await ann.say('for all but ann');
      expect(await bob.until('for all but ann')).toEqual(['for all but ann']);
    });

    it('is about the client, and not about all that its user has', async () => {
      const app = await start(platform);
      const [one, other] = [await open(app, 'ann'), await webSocket(app, 'ann')];
      await one.say('from one');
      expect(await other.until('from one')).toEqual(['from one']);
    });
  });

  it('goes along from one transport to the other', async () => {
    const app = await start(platform);
    const stream = await overHttp(app, 'ann');
    const { client } = stream.hello;
    const socket = await webSocket(app, 'ann', 'now', client);
    await stream.say('over HTTP');
    await socket.say('over WebSocket');
    await app.bus.publish('chat.1', 'last');
    expect(await socket.until('last')).toEqual(['last']);
    expect(await stream.until('last')).toEqual(['last']);
  });

  it('of a client that knows of no identity is about its connection, if that is its own', async () => {
    const app = await start(platform);
    const [ann, bob] = [await olderOverHttp(app, 'ann'), await olderOverHttp(app, 'bob')];
    await ann.say('mine');
    await bob.say('bob silences nobody', { connection: ann.hello.connection });
    await app.bus.publish('chat.1', 'last');
    expect(await ann.until('last')).toEqual(['bob silences nobody', 'last']);
    expect(await bob.until('last')).toEqual(['mine', 'bob silences nobody', 'last']);
  });
});

it.each(['', 'x', 'a'.repeat(5_000), '%00', '__proto__'])(
  'what is no identity is a new one: %.20s',
  async (client) => {
    const app = await start();
    const ann = await webSocket(app, 'ann', 'now', client);
    expect(ann.hello.client).toContain(ann.hello.connection);
  },
);

it('a client that authenticates by its first message is bound to who it turns out to be', async () => {
  const app = await start('express', { websocket: { firstMessage: true } });
  const first = await webSocket(app, 'ann');
  const { client } = first.hello;
  for (const user of ['ann', 'bob']) {
    const ws = connectWs(app.webSocketUrl(`/push${query(client)}`));
    await once(ws.socket, 'open');
    ws.send({ event: 'authenticate', data: { token: user } });
    expect((await ws.next('hello')).client === client).toBe(user === 'ann');
  }
});

describe.each<[string, () => Promise<ServerProcess>, (port: number) => Backplane]>([
  ['Redis', () => startRedis(), (port) => redisBackplane({ url: `redis://127.0.0.1:${port}` })],
  ['NATS', () => startNats(), (port) => natsBackplane({ servers: `127.0.0.1:${port}` })],
  ['Postgres', () => startPostgres(), (port) => postgresBackplane({ url: urlOf(port) })],
])('on several nodes with %s', (_, startServer, backplaneOn) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  it.each(doors)('a client is the same on each, over %s', async (door, open) => {
    const [here, there] = [
      await start('express', { backplane: backplaneOn(server.port) }),
      await start('express', { backplane: backplaneOn(server.port) }),
    ];
    for (const app of [here, there]) await eventually(async () => (await app.bus.health()).ready);
    const first = await open(here, 'ann');
    await first.say(`mine, over ${door}`);
    first.drop();
    const second = await open(there, 'ann', 'earliest', first.hello.client);
    await second.say(`mine too, over ${door}`);
    await here.bus.publish('chat.1', `last, over ${door}`);
    // What the others have said before is there as well.
    const own = (await second.until(`last, over ${door}`)).filter((data) => String(data).endsWith(door));
    expect(own).toEqual([`last, over ${door}`]);
  });
});

it('a client is the same on each of several nodes that share a memory', async () => {
  const memory = new SharedMemory();
  const [here, there] = [
    await start('express', { backplane: memory.node() }),
    await start('express', { backplane: memory.node() }),
  ];
  const first = await webSocket(here, 'ann');
  await first.say('mine');
  const second = await webSocket(there, 'ann', 'earliest', first.hello.client);
  await there.bus.publish('chat.1', 'last');
  expect(await second.until('last')).toEqual(['last']);
});
