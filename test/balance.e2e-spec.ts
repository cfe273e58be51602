import { Controller, Injectable, Sse } from '@nestjs/common';
import { EventBus, PushSnapshot, PushTopic, Runs, type TopicPolicy } from 'nestjs-push';
import type { TransportName } from 'nestjs-push-client';
import { presenceOf } from 'nestjs-push-client/presence';
import { runOf } from 'nestjs-push-client/run';
import { snapshotOf } from 'nestjs-push-client/snapshot';
import { map, Subject } from 'rxjs';
import { BalancedNodes } from './support/balanced-nodes.js';
import { afterTest } from './support/cleanup.js';
import { ClientRecord, openClient } from './support/client-app.js';
import { RoamingClient } from './support/roaming-client.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { openStream } from './support/sse-reader.js';
import { NameAuthenticator, Users } from './support/roles.js';
import { eventually } from './support/watched.js';

let redis: ServerProcess;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.dispose());

/** Whoever has a name may publish to desks. */
@Injectable()
@PushTopic('desk.:id')
class DeskPolicy implements TopicPolicy {
  canSubscribe = () => true;
  canPublish = () => true;
}

const named = { providers: [Users, DeskPolicy], exports: [Users] };

@Controller()
class FeedController {
  constructor(private readonly bus: EventBus) {}

  @Sse('feed')
  feed() {
    return this.bus.stream('news.a');
  }

  @Sse('piped')
  piped() {
    return this.bus.stream('news.a').pipe(map((message) => message));
  }
}

/** Publishes numbers until it is stopped; resolves then with how many there were. */
function publishNumbers(bus: EventBus, topic: string): () => Promise<number> {
  let isOver = false;
  const run = (async () => {
    let count = 0;
    for (; !isOver; count++) {
      await bus.publish(topic, ['all', count + 1]);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return count;
  })();
  return () => {
    isOver = true;
    return run;
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => ['all', index + 1]);

const transports: TransportName[] = ['websocket', 'sse'];

/** nestjs-push-client takes a server that is silent for two heartbeats for dead: a busy machine may be for one. */
const unhurried = { heartbeat: 3_000 };

/** It comes back after that too, which is the same to tests that look at something else. */
const lively = { heartbeat: 500 };

describe('With an age, clients spread over a node that comes later, and miss nothing:', () => {
  it.each(transports)(
    'nestjs-push-client over %s, without an error',
    async (transport) => {
      const nodes = new BalancedNodes(redis.port, unhurried);
      const { app } = await nodes.add();
      const records = Array.from(
        { length: 12 },
        () => new ClientRecord(openClient(`${nodes.url}/push`, { transports: [transport] })),
      );
      await Promise.all(records.map((record) => record.read('news.*')));
      const stop = publishNumbers(app.bus, 'news.a');
      await nodes.add();
      await eventually(() => nodes.shares.every((share) => share >= 5));
      await eventually(async () => (await nodes.ended('age')) >= 12);
      const count = await stop();
      await Promise.all(records.map((record) => record.untilHandled(count)));
      for (const { handled, gaps, changes } of records) {
        expect(handled).toEqual(numbers(count));
        expect(gaps).toEqual([]);
        expect(changes.filter(({ error }) => error)).toEqual([]);
        // It is told when to come back, and does not wait longer each time.
        const waits = changes.flatMap(({ retryIn }) => retryIn ?? []);
        expect(Math.min(...waits)).toBeGreaterThanOrEqual(100);
        expect(Math.max(...waits)).toBeLessThanOrEqual(500);
      }
      expect(await nodes.ended('error')).toBe(0);
    },
    120_000,
  );

  it.each(['websocket', 'sse'] as const)('clients of the protocol over %s', async (transport) => {
    const nodes = new BalancedNodes(redis.port, { heartbeat: 120 });
    const { app } = await nodes.add();
    const clients = Array.from({ length: 12 }, () => {
      const client = new RoamingClient(transport, 'news.*', () => nodes.port);
      afterTest(() => client.end());
      return client;
    });
    const stop = publishNumbers(app.bus, 'news.a');
    await nodes.add();
    await eventually(() => nodes.shares.every((share) => share >= 5));
    await eventually(async () => (await nodes.ended('age')) >= 24);
    const count = await stop();
    for (const client of clients) {
      await client.until(() => client.items.length >= count);
      expect(client.items.map(({ data }) => data)).toEqual(numbers(count));
    }
  });

  it.each(['/feed', '/piped'])('those of an @Sse() route of the application (%s)', async (path) => {
    const nodes = new BalancedNodes(redis.port, { heartbeat: 60 }, { controllers: [FeedController] });
    const { app } = await nodes.add();
    await nodes.add();
    const stop = publishNumbers(app.bus, 'news.a');
    const got: string[] = [];
    let last = '';
    for (let round = 0; round < 6; round++) {
      const stream = await openStream(`${nodes.url}${path}`, { headers: { 'last-event-id': last } });
      await stream.untilEnd();
      expect(stream.blocks.at(-1)).toMatch(/^retry: [1-5]\d\d$/);
      expect(stream.gaps).toEqual([]);
      got.push(...stream.data);
      last = stream.lastEventId;
    }
    await stop();
    const first = (JSON.parse(got[0]!) as [string, number])[1];
    expect(got.map((text) => (JSON.parse(text) as [string, number])[1])).toEqual(
      got.map((_, n) => first + n),
    );
    expect(await nodes.ended('age')).toBe(6);
  });
});

/** What an application would read from its database, and how often that was asked. */
@Injectable()
class Boards {
  loads = 0;

  @PushSnapshot('boards.:id')
  load() {
    return { loads: ++this.loads };
  }
}

describe.each(transports)('Over %s, a client that is sent on', (transport) => {
  const connect = (nodes: BalancedNodes) => openClient(`${nodes.url}/push`, { transports: [transport] });

  /** Two nodes, and one client of them. */
  async function start(providers: [typeof Boards] | [] = []) {
    const nodes = new BalancedNodes(redis.port, lively, { providers });
    const [one, two] = [await nodes.add(), await nodes.add()];
    const push = connect(nodes);
    return { nodes, push, apps: [one.app, two.app] as const };
  }

  it('stays present: others see it neither leave nor join', async () => {
    const { nodes, push, apps } = await start();
    const told: string[] = [];
    const own = presenceOf(push, 'rooms.1', { join: true });
    own.set('here');
    await eventually(() => apps.every(({ bus }) => bus.presence('rooms.1').count === 1));
    const watched = apps.map(({ bus }) =>
      bus.presence('rooms.1').changes.subscribe(({ type }) => told.push(type)),
    );
    await eventually(async () => (await nodes.ended('age')) >= 2);
    own.set('still here');
    await eventually(() => told.length >= 2);
    watched.forEach((each) => each.unsubscribe());
    expect(told).toEqual(['update', 'update']);
  }, 120_000);

  it('loses and repeats nothing of what it publishes meanwhile', async () => {
    const nodes = new BalancedNodes(
      redis.port,
      { ...lively, authenticate: NameAuthenticator, websocket: { firstMessage: true } },
      named,
    );
    const [{ app }] = [await nodes.add(), await nodes.add()];
    const push = openClient(`${nodes.url}/push`, { transports: [transport], token: () => 'ann' });
    const stored: unknown[] = [];
    app.bus.on('desk.1').subscribe(({ data }) => stored.push(data));
    let sent = 0;
    const results: Promise<unknown>[] = [];
    while ((await nodes.ended('age')) < 2) {
      results.push(push.publish('desk.1', ++sent));
      await Promise.race([results.at(-1), new Promise((resolve) => setTimeout(resolve, 60))]);
    }
    await Promise.all(results);
    await eventually(() => stored.length >= sent);
    expect(stored).toEqual(Array.from({ length: sent }, (_, index) => index + 1));
  }, 120_000);

  it('reads a run to its end, from one node after the other', async () => {
    const { nodes, push, apps } = await start();
    const words = new Subject<string>();
    const run = await apps[0].nest.get(Runs).start('runs.1', () => words);
    const reader = runOf<string>(push, 'runs.1');
    let said = '';
    const say = (word: string) => {
      said += word;
      words.next(word);
    };
    for (let age = 0; age < 3; age++) {
      say(`${age} `);
      await eventually(() => reader.text === said);
      await eventually(async () => (await nodes.ended('age')) > age);
      say('meanwhile ');
    }
    words.complete();
    expect((await run.done).reason).toBe('done');
    await eventually(() => reader.status === 'done');
    expect([reader.text, reader.gap]).toEqual([said, undefined]);
  }, 120_000);

  it('keeps the snapshot that it has', async () => {
    const { nodes, push, apps } = await start([Boards]);
    const steps: unknown[] = [];
    const stop = snapshotOf(push, 'boards.1', ({ kind, data }) => steps.push([kind, data]));
    await stop.live;
    for (let age = 0; age < 2; age++) {
      await eventually(async () => (await nodes.ended('age')) > age);
      await apps[0].bus.publish('boards.1', age);
      await eventually(() => steps.length === 2 + age);
    }
    expect(steps).toEqual([
      ['snapshot', { loads: 1 }],
      ['event', 0],
      ['event', 1],
    ]);
    expect(apps.map(({ nest }) => nest.get(Boards).loads).sort()).toEqual([0, 1]);
  }, 120_000);
});
