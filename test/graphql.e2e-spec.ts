import { Args, ID, Resolver, Subscription } from '@nestjs/graphql';
import type { FormattedExecutionResult } from 'graphql';
import type { PushEvent, PushOptions } from 'nestjs-push';
import { PushPubSub } from 'nestjs-push/graphql';
import { redisBackplane } from 'nestjs-push/redis';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import { afterTest } from './support/cleanup.js';
import { ask, Balancer, clients, Log, startGraphQL, subscribed } from './support/graphql-node.js';
import { ParcelsModule, ParcelsResolver } from './support/graphql-parcels.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { platforms, startApp, type Platform } from './support/start-app.js';
import { eventually } from './support/watched.js';

const move = (number: string, place: string) =>
  `mutation { moveParcel(number: "${number}", place: "${place}") }`;

/** What a client gets as the first result of a subscription; `complete` if it ends before. */
type Result = FormattedExecutionResult | 'complete';

/** The places in what a client has got of `parcelMoved`. */
function places(found: readonly Result[]): unknown[] {
  return found.map((each) => {
    const { parcelMoved } = (each as FormattedExecutionResult<{ parcelMoved: { place: string } }>).data!;
    return parcelMoved.place;
  });
}

/** Subscribes, and resolves with all that comes until the end, or until there are so many. */
function results(balancer: Balancer, kind: string, query: string, count = Infinity): Promise<Result[]> {
  const client = clients[kind]!(balancer);
  afterTest(() => client.dispose());
  return new Promise((resolve, reject) => {
    const seen: Result[] = [];
    const stop = client.subscribe(
      { query, variables: {} },
      {
        next(result) {
          seen.push(JSON.parse(JSON.stringify(result)) as Result);
          if (seen.length < count) return;
          stop();
          resolve(seen);
        },
        error: reject,
        complete: () => resolve([...seen, 'complete']),
      },
    );
  });
}

let redis: ServerProcess;
beforeAll(async () => (redis = await startRedis()));
afterAll(() => redis.dispose());

/** Two nodes that share a log of their own. */
async function startTwo(platform: Platform, options: PushOptions = {}) {
  const prefix = randomUUID();
  const start = () => {
    const backplane = redisBackplane({ url: `redis://127.0.0.1:${redis.port}`, prefix });
    return startGraphQL(platform, [ParcelsResolver], { ...options, backplane });
  };
  return [await start(), await start()] as const;
}

describe.each(platforms.flatMap((platform) => Object.keys(clients).map((kind) => [platform, kind] as const)))(
  'On %s, a client of %s',
  (platform, kind) => {
    it('gets what another node publishes, and leaves nothing when it goes', async () => {
      const [one, two] = await startTwo(platform);
      const log = Log.of(clients[kind]!(new Balancer(one)), '7');
      await subscribed(one);
      expect(await ask(two, move('7', 'harbour'))).toEqual({ data: { moveParcel: true } });
      await two.bus.publish('parcels.8', { place: 'elsewhere' });
      await two.bus.publish('parcels.7', { place: 'ship' });
      await log.until(() => log.places.length === 2);
      expect(log.places).toEqual(['harbour', 'ship']);
      log.stop();
      await subscribed(one, 0);
      expect(one.bus.stats()).toMatchObject({ connections: 0, lagging: 0 });
    });

    it('resumes on another node after a cut, without a hole or a repeat', async () => {
      const [one, two] = await startTwo(platform);
      const balancer = new Balancer(one);
      const log = Log.of(clients[kind]!(balancer), '7');
      await subscribed(one);
      for (const place of ['a', 'b']) await one.bus.publish('parcels.7', { place });
      await log.until(() => log.places.length === 2);
      balancer.node = two;
      one.cut();
      for (const place of ['c', 'd']) await one.bus.publish('parcels.7', { place });
      await log.until(() => log.places.length === 4);
      await one.bus.publish('parcels.7', { place: 'e' });
      await log.until(() => log.places.length === 5);
      expect(log).toMatchObject({ places: ['a', 'b', 'c', 'd', 'e'], gaps: 0, errors: [] });
      await subscribed(one, 0);
    });

    it('goes on at another node when its own shuts down', async () => {
      const [one, two] = await startTwo(platform);
      const balancer = new Balancer(one);
      const log = Log.of(clients[kind]!(balancer), '7');
      await subscribed(one);
      await one.bus.publish('parcels.7', { place: 'a' });
      await log.until(() => log.places.length === 1);
      balancer.node = two;
      const closed = one.shutDown();
      await two.bus.publish('parcels.7', { place: 'b' });
      await log.until(() => log.places.length === 2);
      await closed;
      await two.bus.publish('parcels.7', { place: 'c' });
      await log.until(() => log.places.length === 3);
      expect(log).toMatchObject({ places: ['a', 'b', 'c'], gaps: 0, errors: [], isOver: false });
    });

    it('is told of a gap by an error that says what is lost and where to go on, and goes on', async () => {
      const [one, two] = await startTwo(platform, { retention: { events: 2 } });
      const first = await one.bus.publish('parcels.7', { place: 'a' });
      for (const place of ['b', 'c', 'd']) await one.bus.publish('parcels.7', { place });
      await two.bus.publish('parcels.8', { place: 'x' });
      // A node that has not read `d` yet still has `b`.
      for (const { bus } of [one, two]) await eventually(async () => (await bus.health()).ready);
      const text = (after: string) =>
        `subscription { parcelMoved(number: "7", after: "${after}") { id place } }`;
      const [gap, ...rest] = await results(new Balancer(two), kind, text(first), 3);
      expect(gap).toMatchObject({
        data: null,
        errors: [
          {
            path: ['parcelMoved'],
            message: expect.stringContaining('parcels.7') as string,
            extensions: { code: 'GAP', reason: 'evicted', topics: ['parcels.7'] },
          },
        ],
      });
      expect(places(rest)).toEqual(['c', 'd']);
      const { id } = (gap as FormattedExecutionResult).errors![0]!.extensions as { id: string };
      expect(places(await results(new Balancer(one), kind, text(id), 2))).toEqual(['c', 'd']);

      const log = Log.of(clients[kind]!(new Balancer(two)), '7', first);
      await log.until(() => log.places.length === 2);
      expect(log).toMatchObject({ gaps: 1, places: ['c', 'd'], isOver: false });
    });

    it('is done when the topic has ended', async () => {
      const [one, two] = await startTwo(platform, { topics: [{ pattern: 'parcels.*', finite: true }] });
      const log = Log.of(clients[kind]!(new Balancer(one)), '7');
      await subscribed(one);
      await two.bus.publish('parcels.7', { place: 'a' });
      await two.bus.publish('parcels.7', { place: 'home' }, { end: true });
      await log.until(() => log.isOver);
      expect(log).toMatchObject({ places: ['a', 'home'], errors: [] });
      await subscribed(one, 0);
      // Who comes later is told the rest, and that it was the end.
      const late = Log.of(clients[kind]!(new Balancer(two)), '7');
      await late.until(() => late.isOver);
      expect(late.errors).toEqual([]);
      const refused = await ask(one, move('7', 'nowhere'));
      expect(refused.errors![0]!.extensions).toMatchObject({ code: 'ENDED', retryable: false });
    });

    it.each([
      ['a value that is no token', 'number: "7.>"', 'INVALID_TOPIC'],
      ['a start that only the server may choose', 'number: "7", after: "earliest"', 'INVALID_MESSAGE'],
    ])('is refused %s, with a code', async (_name, values, code) => {
      const node = await startGraphQL(platform, [ParcelsResolver]);
      const query = `subscription { parcelMoved(${values}) { place } }`;
      const [result] = await results(new Balancer(node), kind, query, 1);
      expect(result).toMatchObject({ errors: [{ extensions: { code } }] });
      expect(node.bus.stats().connections).toBe(0);
    });

    it('that does not read costs the others nothing, and gets everything in the end', async () => {
      const [one] = await startTwo(platform);
      const slow = await paused(kind, one.port);
      const fast = Log.of(clients[kind]!(new Balancer(one)), '7');
      await subscribed(one, 2);
      const place = 'x'.repeat(24_000);
      const count = 900;
      for (let index = 0; index < count; index++)
        await one.bus.publish('parcels.7', { place: `${index} ${place}` });
      await fast.until(() => fast.places.length === count);
      // What it has not read is in the log: its socket is full, and nothing else is held for it.
      expect(one.bus.stats()).toMatchObject({ connections: 2, lagging: 1 });
      expect(slow.queued(one.sockets)).toBeLessThan(1_000_000);
      const found = await slow.read(count);
      expect(found).toEqual(Array.from({ length: count }, (_, index) => `${index}`));
    });
  },
);

interface Paused {
  /** The bytes that the server holds for all of its sockets. */
  queued(sockets: Iterable<{ readonly writableLength: number }>): number;
  /** Reads, until there are so many events: their numbers. */
  read(count: number): Promise<string[]>;
}

const queued: Paused['queued'] = (sockets) =>
  [...sockets].reduce((sum, { writableLength }) => sum + writableLength, 0);

const following = { query: 'subscription { parcelMoved(number: "7") { place } }' };

/** A client that has subscribed, and reads nothing for now. */
function paused(kind: string, port: number): Promise<Paused> {
  return kind === 'graphql-ws' ? pausedSocket(port) : pausedStream(port);
}

async function pausedSocket(port: number): Promise<Paused> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
  afterTest(() => socket.terminate());
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await once(socket, 'message');
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: following }));
  socket.pause();
  const read = async (count: number) => {
    const found: string[] = [];
    const done = new Promise<void>((resolve) =>
      socket.on('message', (data: Buffer) => {
        found.push(placeIn(data.toString()));
        if (found.length === count) resolve();
      }),
    );
    socket.resume();
    await done;
    return found;
  };
  return { queued, read };
}

async function pausedStream(port: number): Promise<Paused> {
  const response = await fetch(`http://127.0.0.1:${port}/stream`, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify(following),
  });
  const read = async (count: number) => {
    const found: string[] = [];
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of response.body!) {
      const blocks = (rest + decoder.decode(bytes as Uint8Array, { stream: true })).split('\n\n');
      rest = blocks.pop()!;
      found.push(...blocks.filter((block) => block.includes('event: next')).map(placeIn));
      if (found.length >= count) break;
    }
    return found;
  };
  return { queued, read };
}

/** The number at the beginning of the place. */
function placeIn(text: string): string {
  return /"place":"(\d+) /.exec(text)![1]!;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Subscriptions whose results are made in other ways. */
@Resolver()
class Variants {
  constructor(private readonly pubSub: PushPubSub) {}

  private events(after: string, filter?: (event: PushEvent<{ place: string }>) => boolean) {
    return this.pubSub.asyncIterableIterator('parcels.7', { after, filter });
  }

  @Subscription(() => String, { resolve: ({ data }: PushEvent<{ place: string }>) => data.place })
  filtered(@Args('after', { type: () => ID }) after: string) {
    return this.events(after, ({ data }) => data.place !== 'c');
  }

  @Subscription(() => String, {
    filter: ({ data }: PushEvent<{ place: string }>) => data.place !== 'c',
    resolve: ({ data }: PushEvent<{ place: string }>) => data.place,
  })
  read(@Args('after', { type: () => ID }) after: string) {
    return this.events(after);
  }

  @Subscription(() => String, {
    filter: (event: PushEvent<{ place: string }>) =>
      Promise.resolve(event).then(({ data }) => data.place !== 'c'),
    resolve: ({ data }: PushEvent<{ place: string }>) => data.place,
  })
  dropped(@Args('after', { type: () => ID }) after: string) {
    return this.events(after);
  }

  @Subscription(() => String, { nullable: true })
  ignored(@Args('after', { type: () => ID }) after: string) {
    return this.events(after);
  }
}

describe('A gap', () => {
  async function startLossy() {
    const node = await startGraphQL('express', [ParcelsResolver, Variants], { retention: { events: 2 } });
    const after = await node.bus.publish('parcels.7', { place: 'a' });
    for (const place of ['b', 'c', 'd']) await node.bus.publish('parcels.7', { place });
    return { node, after };
  }

  it('passes the filter of the engine', async () => {
    const { node, after } = await startLossy();
    const query = `subscription { filtered(after: "${after}") }`;
    expect(await results(new Balancer(node), 'graphql-ws', query, 2)).toMatchObject([
      { errors: [{ extensions: { code: 'GAP' } }] },
      { data: { filtered: 'd' } },
    ]);
  });

  it.each(['read', 'dropped', 'ignored'])(
    'ends a subscription whose resolver would swallow it: %s',
    async (name) => {
      const { node, after } = await startLossy();
      const query = `subscription { ${name}(after: "${after}") }`;
      const told = results(new Balancer(node), 'graphql-ws', query, 2).then(
        () => 'nothing',
        (errors: unknown) => errors,
      );
      expect(await told).toMatchObject([{ extensions: { code: 'GAP', topics: ['parcels.7'] } }]);
      // A filter that was thrown it does not return the iterator: it goes with the garbage.
      await eventually(() => {
        collectGarbage();
        return node.bus.stats().subscriptions === 0;
      });
    },
  );
});

describe('The application of the documentation', () => {
  it('runs, and tells where to subscribe after a query', async () => {
    const app = await startApp('express', { imports: [ParcelsModule] });
    await ask(app, move('7', 'harbour'));
    const { data } = await ask(app, '{ parcel(number: "7") { place position } }');
    const { place, position } = data!.parcel as { place: string; position: string };
    expect(place).toBe('harbour');
    await ask(app, move('7', 'ship'));
    const client = clients['graphql-ws']!(new Balancer(app));
    const log = Log.of(client, '7', position);
    await log.until(() => log.places.length > 0);
    expect(log.places).toEqual(['ship']);
  });

  it('is what the page shows', async () => {
    const page = await readFile('libs/push/docs/graphql.md', 'utf8');
    for (const name of ['parcels', 'stream', 'follow']) {
      const code = await readFile(`test/support/graphql-${name}.ts`, 'utf8');
      expect(page).toContain(`\`\`\`ts\n${code}\`\`\``);
    }
  });
});

describe('The engine', () => {
  it('is a PubSubEngine: subscribers get events from now on, until they are unsubscribed', async () => {
    const node = await startGraphQL('express', [ParcelsResolver]);
    const pubSub: PushPubSub = node.nest.get(PushPubSub);
    const places: string[] = [];
    const first = await pubSub.subscribe('parcels.*', ({ data }) => places.push(data.place));
    const second = await pubSub.subscribe('parcels.*', () => {
      throw new Error('of the application');
    });
    await pubSub.publish('parcels.1', { place: 'a' });
    await eventually(() => places.length === 1);
    pubSub.unsubscribe(first);
    pubSub.unsubscribe(second);
    pubSub.unsubscribe(99);
    await pubSub.publish('parcels.1', { place: 'b' });
    expect(places).toEqual(['a']);
    expect(node.bus.stats().connections).toBe(0);
    await expect(pubSub.subscribe('not a topic', () => undefined)).rejects.toMatchObject({
      code: 'INVALID_TOPIC',
    });
  });

  it('reads nothing for an iterator before it is asked, and lets go when it returns', async () => {
    const node = await startGraphQL('express', [ParcelsResolver]);
    const events = node.nest
      .get(PushPubSub)
      .asyncIterableIterator('parcels.*', { wildcards: true, from: 'last:2' });
    for (const place of ['a', 'b', 'c']) await node.bus.publish('parcels.1', { place });
    expect(node.bus.stats().connections).toBe(0);
    const next = async () => ((await events.next()).value as PushEvent<{ place: string }>).data.place;
    expect([await next(), await next()]).toEqual(['b', 'c']);
    expect(node.bus.stats().connections).toBe(1);
    const waiting = events.next();
    expect(await events.return()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(node.bus.stats().connections).toBe(0);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('refuses wildcards that were not allowed, and starts that a subscription cannot have', async () => {
    const node = await startGraphQL('express', [ParcelsResolver]);
    const pubSub: PushPubSub = node.nest.get(PushPubSub);
    const codeOf = (call: () => unknown) => {
      try {
        call();
      } catch (error) {
        return (error as { extensions: { code: string } }).extensions.code;
      }
      return undefined;
    };
    expect(codeOf(() => pubSub.asyncIterableIterator('parcels.*'))).toBe('INVALID_TOPIC');
    expect(codeOf(() => pubSub.asyncIterableIterator([]))).toBe('INVALID_TOPIC');
    expect(codeOf(() => pubSub.asyncIterableIterator('parcels.1', { from: 'snapshot' }))).toBe(
      'INVALID_OPTION',
    );
    expect(codeOf(() => pubSub.asyncIterableIterator('parcels.1', { from: 'last:0' }))).toBe(
      'INVALID_OPTION',
    );
    expect(codeOf(() => pubSub.asyncIterableIterator('parcels.1', { after: '' }))).toBe(undefined);
  });

  it('has the types of the declared topics', async () => {
    const node = await startGraphQL('express', [ParcelsResolver]);
    const pubSub: PushPubSub = node.nest.get(PushPubSub);
    await pubSub.publish('parcels.1', { place: 'a' });
    // @ts-expect-error -- the declared topic has no such data
    await pubSub.publish('parcels.1', { city: 'a' });
    const events: AsyncIterator<PushEvent<{ place: string }>> = pubSub.asyncIterableIterator('parcels.1', {
      from: 'earliest',
      // @ts-expect-error -- nor is there such a field
      filter: ({ data }) => data.city !== 'b',
    });
    const { data } = (await events.next()).value as PushEvent<{ place: string }>;
    expect(data.place).toBe('a');
    await events.return!();
  });
});
