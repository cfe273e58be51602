import type { FormattedExecutionResult } from 'graphql';
import type { PushOptions } from 'nestjs-push';
import { redisBackplane } from 'nestjs-push/redis';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { afterTest } from './support/cleanup.js';
import {
  ask,
  Balancer,
  clients,
  Log,
  move,
  results,
  startGraphQL,
  subscribed,
  type Result,
} from './support/graphql-node.js';
import { ParcelsResolver } from './support/graphql-parcels.js';
import { startRedis, type ServerProcess } from './support/servers.js';
import { platforms, type Platform } from './support/start-app.js';
import { eventually } from './support/watched.js';

/** The places in what a client has got of `parcelMoved`. */
function places(found: readonly Result[]): unknown[] {
  return found.map((each) => {
    const { parcelMoved } = (each as FormattedExecutionResult<{ parcelMoved: { place: string } }>).data!;
    return parcelMoved.place;
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
