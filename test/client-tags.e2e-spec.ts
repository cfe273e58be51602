import { Injectable } from '@nestjs/common';
import { PushModule, PushTopic, type AcceptContext, type Principal, type TopicPolicy } from 'nestjs-push';
import type { PushEvent, TransportName } from 'nestjs-push-client';
import { historyOf } from 'nestjs-push-client/history';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { afterTest } from './support/cleanup.js';
import { openClient } from './support/client-app.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { NameAuthenticator, Users } from './support/roles.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { startApp, type RunningApp } from './support/start-app.js';
import { Watched } from './support/watched.js';

import.meta.jest.setTimeout(120_000);

/** Lets a client wait for its answer until the test says so. */
@Injectable()
@PushTopic('rooms.:name')
class SlowPolicy implements TopicPolicy {
  answer!: () => void;

  canSubscribe() {
    return true;
  }

  canPublish() {
    return true;
  }

  accept(_: Principal, __: object, { data }: AcceptContext) {
    return data === 'slow' ? new Promise<void>((resolve) => (this.answer = resolve)) : undefined;
  }
}

/** The options of a backplane that runs on a server of its own. */
type Started = [name: string, start: () => Promise<ServerProcess>, of: (port: number) => object];

const servers: readonly Started[] = [
  [
    'Redis',
    () => startRedis(),
    (port) => ({ backplane: redisBackplane({ url: `redis://127.0.0.1:${port}` }) }),
  ],
  ['NATS', () => startNats(), (port) => ({ backplane: natsBackplane({ servers: `127.0.0.1:${port}` }) })],
  ['Postgres', () => startPostgres(), (port) => ({ backplane: postgresBackplane({ url: urlOf(port) }) })],
];

/** An answer may wait as long as the test. */
const limits = { decisionTimeout: 100_000 };

function start(options: object = {}): Promise<RunningApp> {
  return startApp('express', {
    providers: [Users, SlowPolicy],
    exports: [Users],
    imports: [
      PushModule.forRoot({
        authenticate: NameAuthenticator,
        websocket: { firstMessage: true },
        limits,
        ...options,
      }),
    ],
  });
}

class Events extends Watched {
  readonly all: PushEvent[] = [];

  readonly add = (_: unknown, event: PushEvent) => {
    this.all.push(event);
    this.changed();
  };
}

describe.each<[string, () => Promise<object>]>([
  ['memory', () => Promise.resolve({})],
  ...servers.map(([name, run, of]): [string, () => Promise<object>] => [
    name,
    async () => {
      const server = await run();
      afterTest(() => server.dispose());
      return of(server.port);
    },
  ]),
])('The tag of an event that a client publishes, with %s', (_, optionsOf) => {
  it('comes back with the event, also before the answer, over both doors and in pages of the past', async () => {
    const app = await start(await optionsOf());
    const policy = app.nest.get(SlowPolicy);
    for (const name of ['websocket', 'sse'] satisfies TransportName[]) {
      const topic = `rooms.${name}`;
      const url = app.url('/push');
      const push = openClient(url, { transports: [name], token: () => 'ann' });
      const events = new Events();
      await push.on(topic, events.add).live;
      await push.publish(topic, 'none');
      await push.publish(topic, 'gone', { ephemeral: true, tag: 'brief' });
      let isAnswered = false;
      const answer = push.publish(topic, 'slow', { tag: `"own" ${name}`.replace(' ', '-') });
      void answer.then(() => (isAnswered = true));
      await events.until(() => events.all.some(({ data }) => data === 'slow'));
      expect(isAnswered).toBe(false);
      const slow = events.all.find(({ data }) => data === 'slow')!;
      expect(slow.tag).toBe(`"own"-${name}`);
      policy.answer();
      expect(await answer).toBe(slow.id);
      await events.until(() => events.all.length === 3);
      expect(events.all.map(({ tag }) => tag).toSorted()).toEqual([`"own"-${name}`, 'brief', undefined]);
      const page = await historyOf(url, { token: () => 'ann' })(topic);
      expect(page.events.map(({ tag }) => tag)).toEqual([undefined, `"own"-${name}`]);
    }
  });
});

it('A tag of other characters is refused', async () => {
  const app = await start();
  const push = openClient(app.url('/push'), { token: () => 'ann' });
  for (const tag of ['', 'two words', 'ü', 'x'.repeat(129)])
    await expect(push.publish('rooms.1', 1, { tag })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
  await expect(push.publish('rooms.1', 1, { tag: 'x'.repeat(128) })).resolves.toBeDefined();
});
