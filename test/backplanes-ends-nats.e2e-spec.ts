import { jest } from '@jest/globals';
import type { JetStreamManager } from '@nats-io/jetstream';
import { Logger } from '@nestjs/common';
import { natsBackplane, type NatsBackplaneOptions } from 'nestjs-push/nats';
import { afterTest } from './support/cleanup.js';
import { chunk, ending, finiteRules, forgotten, join, pagesOf, put, settled } from './support/ends.js';
import { eachInOwnStream } from './support/nats-log.js';

beforeAll(() => Logger.overrideLogger(false));

describe('Ends in NATS', () => {
  let options: NatsBackplaneOptions & { stream: string };
  let manager: JetStreamManager;
  eachInOwnStream('ends', (own) => ({ options, manager } = own));

  /** How many messages the stream has of a topic. */
  async function countOf(topic: string): Promise<number> {
    const subjects_filter = `${options.stream}.event.${topic}`;
    const { state } = await manager.streams.info(options.stream, { subjects_filter });
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  }

  it('and removals: what is removed leaves the stream soon, and nothing else counts as lost for it', async () => {
    const [one, other] = [await join(natsBackplane(options)), await join(natsBackplane(options))];
    for (let n = 0; n < 30; n++) await put(one, chunk('run.a', n));
    const plain = await put(one, chunk('plain'));
    const removed = await put(one, forgotten('run.a'));
    const again = await put(other, chunk('run.a'));
    const expected = { ids: [plain, removed, again], lost: [] };
    for (let count = Infinity; count > 2; count = await countOf('run.a'))
      for (const limit of [1, 400]) expect(await pagesOf(other, ['>'], limit)).toEqual(expected);
    for (const limit of [1, 400]) expect(await pagesOf(other, ['>'], limit)).toEqual(expected);
    // Nor did a node that tails the stream miss anything.
    await settled(other);
    expect([...one.tail.skipped, ...other.tail.skipped]).toEqual([]);
  });

  it('and removals: a node finishes what another one that has left did not come to', async () => {
    const one = await join(natsBackplane(options));
    const other = await join(natsBackplane(options));
    for (let n = 0; n < 30; n++) await put(one, chunk('run.a', n));
    await put(one, forgotten('run.a'));
    await one.backplane.close();
    while ((await countOf('run.a')) > 1);
    await settled(other);
  });

  it('are looked up again in another stream of the same name', async () => {
    const node = await join(natsBackplane({ ...options, publishTimeout: 30_000 }));
    await put(node, ending('run.a'));
    expect(await put(node, chunk('run.a'))).toBeUndefined();
    await manager.streams.delete(options.stream);
    await node.tail.until(({ opened }) => opened.length === 2);
    expect(await put(node, chunk('run.a'))).toBeDefined();
  });

  it('are refused at once, however many events come after one', async () => {
    const node = await join(natsBackplane(options));
    await put(node, ending('run.a'));
    const before = (await manager.streams.info(options.stream)).state.last_seq;
    const late = Array.from({ length: 1_000 }, (_, n) => chunk('run.a', n));
    const outcomes = await Promise.all(late.map((draft) => put(node, draft)));
    expect(outcomes.every((id) => id === undefined)).toBe(true);
    expect((await manager.streams.info(options.stream)).state.last_seq).toBe(before);
  });

  it('are known by the server’s clock, whatever the clock of a node says', async () => {
    const rules = finiteRules({ ttl: 3_600_000 });
    const one = await join(natsBackplane(options), rules);
    await put(one, ending('run.a'));
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 7_200_000);
    afterTest(() => clock.mockRestore());
    const other = await join(natsBackplane(options), rules);
    expect(await put(other, chunk('run.a'))).toBeUndefined();
  });
});
