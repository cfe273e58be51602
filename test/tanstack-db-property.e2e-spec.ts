import fc from 'fast-check';
import { stateOf } from 'nestjs-push-client/state';
import { startCards, textOf, WatchedCards, type Card } from './support/card-board.js';
import { afterTest } from './support/cleanup.js';
import { openClient } from './support/client-app.js';
import { TcpProxy } from './support/tcp-proxy.js';

const seed = Number(process.env.SEED ?? Date.now() % 100_000);

const id = fc.constantFrom('1', '2', '3');
const who = fc.constantFrom<0 | 1>(0, 1);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('insert' as const, 'update' as const), who, id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), who, id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('server' as const), id }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), who }) },
);

it(`Two collections that change the same rows end with what the server has (SEED=${seed})`, async () => {
  const app = await startCards();
  const proxies = [await TcpProxy.start(app.port), await TcpProxy.start(app.port)];
  for (const proxy of proxies) afterTest(() => proxy.dispose());
  const both = proxies.map(
    ({ port }) => new WatchedCards(openClient(`http://127.0.0.1:${port}/push`, { token: () => 'ann' })),
  );
  for (const { items } of both) await items.preload();
  const server = stateOf<Card>(openClient(app.url('/push'), { token: () => 'ann' }), 'board.*');
  await server.live;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (script) => {
      const pending: [Promise<unknown>[], Promise<unknown>[]] = [[], []];
      /** The texts that were stored, as the collections were told. */
      const stored = new Set(textsOf(server.values()));
      for (const each of script) {
        const text = String(count++);
        if (each.do === 'server') {
          await app.bus.publish(`board.${each.id}`, { id: each.id, text });
          stored.add(text);
        } else if (each.do === 'cut') proxies[each.who]!.reset();
        else if (each.do === 'settle') await Promise.all(pending[each.who]);
        else {
          const change = changed(both[each.who]!, each.do, each.id, text);
          if (change) pending[each.who].push(change.then((isStored) => isStored && stored.add(text)));
        }
      }
      await Promise.all(pending.flat());
      // An event after everything else: whoever has it has everything.
      await app.bus.publish('board.end', { id: 'end', text: String(count) });
      for (const cards of both) await cards.until(() => cards.items.get('end')?.text === String(count));
      for await (const state of server) if (state.get('board.end')?.text === String(count)) break;
      expect(both.map(({ text }) => text)).toEqual([textOf(server.values()), textOf(server.values())]);
      // What was refused is nowhere.
      stored.add(String(count));
      expect(textsOf(server.values()).filter((text) => !stored.has(text))).toEqual([]);
    }),
    { numRuns: 60, seed },
  );
});

function textsOf(cards: Iterable<Card>): string[] {
  return [...cards].map(({ text }) => text);
}

/** Makes a change, if the row is there or not as it has to be; resolves with whether it was stored. */
function changed(
  { items }: WatchedCards,
  what: 'insert' | 'update' | 'delete',
  key: string,
  text: string,
): Promise<boolean> | undefined {
  if (items.has(key) === (what === 'insert')) return undefined;
  const transaction =
    what === 'insert'
      ? items.insert({ id: key, text })
      : what === 'update'
        ? items.update(key, (draft) => void (draft.text = text))
        : items.delete(key);
  return transaction.isPersisted.promise.then(
    () => true,
    (error: { code: string }) => {
      if (error.code !== 'CONFLICT') throw error;
      return false;
    },
  );
}
