import { firstValueFrom, from as rxFrom, take, toArray } from 'rxjs';
import { StateLog, turn } from '../test/models/state-log.js';
import { PushError } from './push-error.js';
import { stateOf } from './state.js';

/** A live state that has caught up with its log, and what its listeners were told. */
async function liveState(fill?: (log: StateLog) => void) {
  const log = new StateLog();
  fill?.(log);
  const state = stateOf<unknown>(log, 's.*');
  const told: string[][] = [];
  state.onChange((topics) => told.push([...topics].sort()));
  log.deliver();
  await state.live;
  await turn();
  return { log, state, told };
}

describe('A live state', () => {
  it('begins with the newest event of each topic, and tells it all at once', async () => {
    const { log, state, told } = await liveState((each) => {
      each.publish('s.1', 'a');
      each.publish('s.2', 'b');
      each.publish('s.1', 'c');
    });
    expect(log.starts).toEqual(['last']);
    expect([...state]).toEqual([
      ['s.2', 'b'],
      ['s.1', 'c'],
    ]);
    expect([state.isLive, state.size, state.get('s.1'), state.has('s.3')]).toEqual([true, 2, 'c', false]);
    expect(told).toEqual([['s.1', 's.2']]);
  });

  it('follows changes and removals, and keeps its snapshot until something changes', async () => {
    const { log, state, told } = await liveState((each) => each.publish('s.1', 'a'));
    const before = state.snapshot;
    await turn();
    expect(state.snapshot).toBe(before);
    log.publish('s.2', 'b');
    log.remove('s.1');
    log.remove('s.3');
    log.deliver();
    await turn();
    expect([...state.snapshot]).toEqual([['s.2', 'b']]);
    expect([...before]).toEqual([['s.1', 'a']]);
    expect(told.slice(1)).toEqual([['s.1', 's.2']]);
  });

  it('takes no event that is not stored', async () => {
    const { log, state } = await liveState((each) => each.publish('s.1', 'a'));
    log.ephemeral('s.1', 'b');
    log.deliver();
    expect(state.get('s.1')).toBe('a');
  });

  it('says that it is not live while it catches up, and then tells once what has changed', async () => {
    const { log, state, told } = await liveState((each) => each.publish('s.1', 'a'));
    log.remove('s.1');
    log.publish('s.2', 'b');
    log.cut();
    await turn();
    expect([state.isLive, told.splice(0)]).toEqual([false, [['s.1'], []]]);
    log.deliver(1);
    await turn();
    expect(told).toEqual([]);
    log.deliver();
    await turn();
    expect([state.isLive, told]).toEqual([true, [['s.1', 's.2']]]);
  });

  it('forgets everything at a gap with `reset`, and takes what follows without ids', async () => {
    const { log, state } = await liveState((each) => {
      each.publish('s.1', 'a');
      each.publish('s.2', 'b');
    });
    log.remove('s.1');
    log.publish('s.3', 'c');
    log.reset(true);
    log.deliver();
    await turn();
    expect([...state]).toEqual([
      ['s.2', 'b'],
      ['s.3', 'c'],
    ]);
  });

  it('loads itself again after another gap, and forgets what is no longer there at the end', async () => {
    const { log, state, told } = await liveState((each) => {
      each.publish('s.1', 'a');
      each.publish('s.2', 'b');
    });
    log.remove('s.1');
    log.publish('s.2', 'c');
    log.lose();
    log.deliver(1);
    expect([log.starts, state.isLive, state.size]).toEqual([['last', 'last'], false, 2]);
    log.deliver();
    await turn();
    expect([state.isLive, [...state]]).toEqual([true, [['s.2', 'c']]]);
    expect(told.at(-1)).toEqual(['s.1', 's.2']);
  });

  it('is read in a loop that may be slow, and by RxJS', async () => {
    const { log, state } = await liveState((each) => each.publish('s.1', 0));
    const observed = firstValueFrom(
      rxFrom<AsyncIterable<ReadonlyMap<string, unknown>>>(state).pipe(take(2), toArray()),
    );
    const seen: unknown[] = [];
    for await (const snapshot of state) {
      seen.push(snapshot.get('s.1'));
      for (let count = 0; count < 3; count++) {
        log.publish('s.1', Number(seen.at(-1)) + count);
        log.deliver();
        await turn();
      }
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([0, 2, 4]);
    expect((await observed).map((snapshot) => snapshot.get('s.1'))).toEqual([0, 0]);
  });

  it('ends loops, observers and its subscription when it is closed, and keeps what it has', async () => {
    const { log, state } = await liveState((each) => each.publish('s.1', 'a'));
    const ends: string[] = [];
    state.subscribe({ complete: () => ends.push('completed') });
    const loop = (async () => {
      for await (const _ of state) ends.push('looped');
    })();
    await turn();
    state.close();
    await loop;
    log.publish('s.1', 'b');
    log.deliver();
    expect([ends, log.isRead, state.isLive, state.get('s.1')]).toEqual([
      ['looped', 'completed'],
      false,
      false,
      'a',
    ]);
    for await (const _ of state) throw new Error('It is closed.');
  });

  it('says why it was refused: to who waits, in a loop, and to observers', async () => {
    const log = new StateLog();
    const state = stateOf<unknown>(log, 's.*');
    const error = new PushError('FORBIDDEN', 'Not for you.');
    const errors: unknown[] = [];
    state.subscribe({ error: (each) => errors.push(each) });
    log.end(error);
    await expect(state.live).rejects.toBe(error);
    await expect((async () => void (await state[Symbol.asyncIterator]().next()))()).rejects.toBe(error);
    expect([errors, state.error]).toEqual([[error], error]);
  });

  it('reports errors of listeners to the client, and goes on', async () => {
    const { log, state } = await liveState();
    const error = new Error('of a listener');
    const calls: number[] = [];
    const stop = state.onChange(() => {
      throw error;
    });
    state.onChange((topics) => calls.push(topics.size));
    log.publish('s.1', 'a');
    log.deliver();
    await turn();
    stop();
    log.publish('s.1', 'b');
    log.deliver();
    await turn();
    expect([calls, log.errors]).toEqual([[1, 1], [error]]);
  });
});
