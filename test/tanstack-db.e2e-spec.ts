import { createCollection, createLiveQueryCollection, createTransaction, eq } from '@tanstack/db';
import { connectWith } from 'nestjs-push-client/core';
import { stateOf } from 'nestjs-push-client/state';
import { pushCollectionOptions } from 'nestjs-push-client/tanstack-db';
import WebSocket from 'ws';
import { board, startCards, textOf, WatchedCards, type Card } from './support/card-board.js';
import { afterTest } from './support/cleanup.js';
import { openClient } from './support/client-app.js';
import type { RunningApp } from './support/start-app.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

const ann = { token: () => 'ann' };

function card(id: string, text: string): Card {
  return { id, text };
}

async function proxyTo(app: RunningApp): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(app.port);
  afterTest(() => proxy.dispose());
  return proxy;
}

/** Collections of clients of their own, which have loaded what there is. */
async function cardsOn(app: RunningApp, port = app.port): Promise<WatchedCards> {
  const cards = new WatchedCards(openClient(`http://127.0.0.1:${port}/push`, ann));
  await cards.items.preload();
  return cards;
}

describe('A collection over state topics', () => {
  it('has the state, and follows what is set and removed', async () => {
    const app = await startCards();
    const first = await app.bus.publish('board.1', card('1', 'a'));
    await app.bus.publish('board.2', card('2', 'b'));
    const cards = await cardsOn(app);
    expect(cards.seen).toEqual(['1:a 2:b']);
    expect(cards.items.utils.stateOf('1')).toMatchObject({ topic: 'board.1', id: first });
    const matching = createLiveQueryCollection((query) =>
      query.from({ card: cards.items }).where(({ card: { text } }) => eq(text, 'b')),
    );
    afterTest(() => matching.cleanup());
    await matching.preload();
    expect(textOf(matching.toArray)).toBe('2:b');
    await app.bus.publish('board.1', card('1', 'b'));
    await app.bus.publish('board.3', card('3', 'c'), { ephemeral: true });
    await cards.until(() => cards.text === '1:b 2:b');
    expect(textOf(matching.toArray)).toBe('1:b 2:b');
    await app.bus.remove('board.2');
    await cards.until(() => cards.text === '1:b');
    expect(textOf(matching.toArray)).toBe('1:b');
    expect(cards.items.utils.stateOf('2')).toBeUndefined();
  });

  it('is given what it has missed together, after a cut', async () => {
    const app = await startCards();
    const proxy = await proxyTo(app);
    await app.bus.publish('board.1', card('1', 'a'));
    const cards = await cardsOn(app, proxy.port);
    proxy.refuse();
    await eventually(() => app.bus.stats().connections === 0);
    await app.bus.publish('board.1', card('1', 'b'));
    await app.bus.publish('board.2', card('2', 'b'));
    await app.bus.remove('board.1');
    await app.bus.publish('board.3', card('3', 'b'));
    proxy.heal();
    await cards.until(() => cards.seen.length > 1);
    expect(cards.seen).toEqual(['1:a', '2:b 3:b']);
  });

  it.each(['board.*', '*.*'])('replaces its rows without a hole when %s has a gap', async (pattern) => {
    const [app, other] = [await startCards(), await startCards()];
    const proxy = await proxyTo(app);
    await app.bus.publish('board.1', card('1', 'a'));
    await app.bus.publish('board.2', card('2', 'a'));
    await other.bus.publish('board.2', card('2', 'b'));
    const last = await other.bus.publish('board.3', card('3', 'b'));
    const push = openClient(`http://127.0.0.1:${proxy.port}/push`, ann);
    const cards = new WatchedCards(push, pattern);
    await cards.items.preload();
    const all = createLiveQueryCollection((query) => query.from({ card: cards.items }));
    afterTest(() => all.cleanup());
    const sizes: number[] = [];
    all.subscribeChanges(() => sizes.push(all.size));
    await all.preload();
    let gaps = 0;
    push.onGap(() => gaps++);
    proxy.redirect(other.port);
    await cards.until(() => cards.seen.length > 1);
    expect(cards.seen).toEqual(['1:a 2:a', '2:b 3:b']);
    expect(sizes.every((size) => size === 2)).toBe(true);
    expect(textOf(all.toArray)).toBe('2:b 3:b');
    expect([gaps, cards.items.status]).toEqual([1, 'ready']);
    // Changes know what they are based on.
    expect(cards.items.utils.stateOf('3')!.id).toBe(last);
    if (pattern !== 'board.*') return;
    await cards.items.update('3', (draft) => void (draft.text = 'c')).isPersisted.promise;
    expect(cards.text).toBe('2:b 3:c');
  });

  it('is replaced when the server has forgotten removals, in the middle of a change', async () => {
    const app = await startCards({ topics: [{ ...board, tombstones: 1 }] });
    const proxy = await proxyTo(app);
    await app.bus.publish('board.1', card('1', 'stays'));
    await app.bus.publish('board.2', card('2', 'goes'));
    const cards = await cardsOn(app, proxy.port);
    proxy.refuse();
    await eventually(() => app.bus.stats().connections === 0);
    const inserted = cards.items.insert(card('4', 'waits'));
    await app.bus.remove('board.2');
    const resumed = openClient(app.url('/push'), ann);
    let forgotten = false;
    resumed.onGap(({ reset }) => (forgotten ||= reset === true));
    await eventually(async () => {
      await app.bus.publish('board.3', card('3', 'new'));
      await stateFrom(resumed, cards.items.utils.stateOf('1')!.id);
      return forgotten;
    });
    proxy.heal();
    await inserted.isPersisted.promise;
    await cards.until(() => cards.text === '1:stays 3:new 4:waits');
    expect(cards.seen.every((text) => text.includes('1:stays'))).toBe(true);
  });

  it('has the status error when the server refuses, and begins again after a cleanup', async () => {
    const app = await startCards({ topics: [board] });
    const push = openClient(app.url('/push'), { ...ann, onError: () => undefined });
    const items = createCollection(pushCollectionOptions<Card>({ push, pattern: 'secret.*' }));
    await expect(items.preload()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(items.status).toBe('error');
    const cards = new WatchedCards(push);
    await cards.items.preload();
    const { subscriptions } = app.bus.stats();
    await cards.items.cleanup();
    await eventually(() => app.bus.stats().subscriptions === subscriptions - 1);
    await app.bus.publish('board.1', card('1', 'a'));
    await cards.items.preload();
    expect(cards.text).toBe('1:a');
    push.close();
    expect(cards.items.status).toBe('error');
  });

  it('makes rows of what the application says, and reports what is no row', async () => {
    const app = await startCards({ topics: [{ ...board, pattern: 'board.>' }] });
    const errors: unknown[] = [];
    const push = openClient(app.url('/push'), { ...ann, onError: (error) => errors.push(error) });
    const items = createCollection(
      pushCollectionOptions({
        push,
        pattern: 'board.*',
        toRow: ({ topic, data }) => ({ topic, text: (data as Card).text.toUpperCase() }),
        getKey: ({ topic }): string => topic.slice(0, 7),
      }),
    );
    await app.bus.publish('board.1', { text: 'a' });
    await app.bus.publish('board.2', null);
    await app.bus.publish('board.11', { text: 'b' });
    await items.preload();
    expect(items.toArray.map(({ topic, text }) => [topic, text])).toEqual([['board.1', 'A']]);
    expect(errors).toEqual([
      expect.any(TypeError),
      expect.objectContaining({ code: 'DUPLICATE_KEY', topics: ['board.11'] }),
    ]);
  });
});

/** Reads what comes after `id`, until it has caught up. */
function stateFrom(push: ReturnType<typeof openClient>, id: string): Promise<void> {
  const stop = push.on('board.*', () => undefined, { from: id });
  return stop.live.finally(stop);
}

describe('Changes in a collection', () => {
  it('are there at once, and stay without a flicker when the server has them', async () => {
    const app = await startCards();
    const cards = await cardsOn(app);
    const insert = cards.items.insert(card('1', 'a'));
    expect(cards.text).toBe('1:a');
    await insert.isPersisted.promise;
    await cards.items.update('1', (draft) => void (draft.text = 'b')).isPersisted.promise;
    await cards.items.delete('1').isPersisted.promise;
    await cards.items.insert(card('1', 'c')).isPersisted.promise;
    expect(cards.seen).toEqual(['1:a', '1:b', '', '1:c']);
    const state = stateOf<Card>(openClient(app.url('/push'), ann), 'board.*');
    await state.live;
    expect([...state]).toEqual([['board.1', card('1', 'c')]]);
  });

  it('that follow one another at once are no conflict, and wait for a connection', async () => {
    const app = await startCards();
    const proxy = await proxyTo(app);
    const cards = await cardsOn(app, proxy.port);
    proxy.refuse();
    await eventually(() => app.bus.stats().connections === 0);
    const changes = [cards.items.insert(card('1', '')), cards.items.insert(card('2', ''))];
    for (const text of 'abcdefgh')
      changes.push(cards.items.update(['1', '2'], (drafts) => drafts.forEach((each) => (each.text = text))));
    changes.push(cards.items.delete('2'), cards.items.insert(card('2', 'again')));
    proxy.heal();
    await Promise.all(changes.map(({ isPersisted }) => isPersisted.promise));
    expect(cards.text).toBe('1:h 2:again');
    // What the user sees never goes back.
    expect(cards.seen.filter((text) => text === '1: 2:')).toHaveLength(1);
    expect(cards.seen.at(-1)).toBe('1:h 2:again');
  });

  it('of two collections at once: one is stored, the other is taken back with what was made on top of it', async () => {
    const app = await startCards();
    await app.bus.publish('board.1', card('1', 'a'));
    const [one, other] = [await cardsOn(app), await cardsOn(app)];
    const first = [one, other].map(({ items }, index) =>
      items.update('1', (draft) => void (draft.text = `first ${index}`)),
    );
    const second = [one, other].map(({ items }, index) =>
      items.update('1', (draft) => void (draft.text = `second ${index}`)),
    );
    const results = await Promise.allSettled(
      [...first, ...second].map(({ isPersisted }) => isPersisted.promise),
    );
    const winner = results[0]!.status === 'fulfilled' ? 0 : 1;
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual(
      [0, 1, 0, 1].map((index) => index === winner),
    );
    expect(results[1 - winner]).toMatchObject({ reason: { code: 'CONFLICT' } });
    for (const cards of [one, other]) await cards.until(() => cards.text === `1:second ${winner}`);
    // Both go on from there.
    await other.items.update('1', (draft) => void (draft.text = 'last')).isPersisted.promise;
    await one.until(() => one.text === '1:last');
  });

  it('of a row that has changed before the user could see it are a conflict', async () => {
    const app = await startCards();
    await app.bus.publish('board.1', card('1', 'a'));
    const cards = await cardsOn(app);
    // Another transaction that takes its time: until it is over, the collection shows nothing new.
    let finish!: () => void;
    const slow = createTransaction({ mutationFn: () => new Promise<void>((resolve) => (finish = resolve)) });
    slow.mutate(() => cards.items.insert(card('2', 'slow')));
    await app.bus.publish('board.1', card('1', 'theirs'));
    await eventually(() => cards.items.utils.stateOf('1')!.id === app.bus.stats().positions.head);
    expect(cards.text).toBe('1:a 2:slow');
    const update = cards.items.update('1', (draft) => void (draft.text = 'ours'));
    await expect(update.isPersisted.promise).rejects.toMatchObject({ code: 'CONFLICT' });
    finish();
    await slow.isPersisted.promise;
    await cards.until(() => cards.text === '1:theirs');
  });

  it('of a transaction of the application are published by its function', async () => {
    const app = await startCards();
    const cards = await cardsOn(app);
    const { utils } = cards.items;
    const transaction = createTransaction({
      autoCommit: false,
      mutationFn: ({ transaction: { mutations } }) => utils.publish({ mutations }),
    });
    transaction.mutate(() => {
      cards.items.insert(card('1', 'a'));
      cards.items.insert(card('2', 'b'));
      cards.items.update('1', (draft) => void (draft.text = 'c'));
    });
    await transaction.commit();
    expect(cards.text).toBe('1:c 2:b');
  });

  it('that the server or the pattern does not take are taken back', async () => {
    const app = await startCards();
    const reader = new WatchedCards(openClient(app.url('/push'), { token: () => 'reader' }));
    await reader.items.preload();
    await expect(reader.items.insert(card('1', 'a')).isPersisted.promise).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(reader.text).toBe('');
    const cards = await cardsOn(app);
    for (const id of ['1.2', '', '*', '>'])
      await expect(cards.items.insert(card(id, 'a')).isPersisted.promise).rejects.toMatchObject({
        code: 'INVALID_TOPIC',
      });
    const deep = new WatchedCards(openClient(app.url('/push'), ann), '*.*');
    await deep.items.preload();
    await expect(deep.items.insert(card('1', 'a')).isPersisted.promise).rejects.toMatchObject({
      code: 'INVALID_TOPIC',
    });
    const core = connectWith(app.url('/push'), { webSocket: WebSocket, ...ann });
    afterTest(() => core.close());
    const reading = new WatchedCards(core);
    await reading.items.preload();
    await expect(reading.items.insert(card('1', 'a')).isPersisted.promise).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(app.bus.stats().window.events).toBe(0);
  });
});
