import { Args, ID, Resolver, Subscription } from '@nestjs/graphql';
import type { PushEvent } from 'nestjs-push';
import { PushPubSub } from 'nestjs-push/graphql';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Balancer, results, startGraphQL } from './support/graphql-node.js';
import { ParcelsResolver } from './support/graphql-parcels.js';
import { eventually } from './support/watched.js';

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
