import type { PushEvent } from 'nestjs-push';
import { PushPubSub } from 'nestjs-push/graphql';
import { readFile } from 'node:fs/promises';
import { ask, Balancer, clients, Log, move, startGraphQL } from './support/graphql-node.js';
import { ParcelsModule, ParcelsResolver } from './support/graphql-parcels.js';
import { startApp } from './support/start-app.js';
import { eventually } from './support/watched.js';

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
