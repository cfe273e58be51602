import { FaultyBackplane, full, unavailable } from './support/faulty-backplane.js';
import { database, outboxNode, settled, shareDatabase, transaction } from './support/outbox.js';
import { connected } from './support/postgres.js';
import { eventually } from './support/watched.js';

shareDatabase();

const wrongRows = `SELECT push_outbox.push_publish(topic, data, options) FROM (VALUES
  ('orders.>', '1', NULL), ('orders.1', '1', '{"type": "error"}'), ('orders.1', '1', '["type"]'), ('orders.1', '1', '{"typo": "a"}'),
  ('orders.1', '1', '{"meta": {"row": "a"}}'), ('orders.1', to_json(repeat('x', 2000))::text, NULL),
  ('orders.1', to_json(repeat('x', 100000))::text, NULL), ('orders.1', '1', '{"end": true}'), ('orders.1', '1', '{"messageId": ""}')
) AS wrong (topic, data, options)`;

describe('A row that can never be published', () => {
  it('goes aside with its error, and delays no other row, also of its topic', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url, {}, { maxEventBytes: 1_000 });
    const client = await connected(port);
    await transaction(client, async () => {
      await outbox.publish(client, 'orders.1', 'before');
      await client.query(wrongRows);
      await outbox.publish(client, 'orders.1', 'after');
    });
    await heard.until(() => heard.of('orders.1').includes('after'));
    expect(heard.of('orders.1')).toEqual(['before', 'after']);
    const failed = await outbox.failed();
    expect(failed.map(({ code }) => code)).toEqual([
      'INVALID_TOPIC',
      'INVALID_TYPE',
      ...Array.from({ length: 3 }, () => 'INVALID_OPTION'),
      ...['DATA_TOO_LARGE', 'DATA_TOO_LARGE', 'INVALID_OPTION', 'INVALID_OPTION'],
    ]);
    expect(failed[3]).toMatchObject({ topic: 'orders.1', data: 1, options: { typo: 'a' }, attempts: 1 });
    expect(failed[3]!.message).toContain('Did you mean "type"?');
    expect(failed[0]!.failed.getTime()).toBeGreaterThanOrEqual(failed[0]!.created.getTime());
    expect(await outbox.stats()).toEqual({ isRelay: true, waiting: 0, failed: 9 });
  });

  it('is published by retry() once it can be, and forgotten by discard()', async () => {
    const { port, url } = database();
    const { outbox, heard, bus } = await outboxNode(url);
    const client = await connected(port);
    await transaction(client, async () => {
      await outbox.publish(client, 'jobs.1', 'first', { end: true });
      await outbox.publish(client, 'jobs.1', 'late');
      await outbox.publish(client, 'jobs.1', 'later');
      await outbox.publish(client, 'prices.1', 1, { expect: 'none' });
      await outbox.publish(client, 'prices.1', 2, { expect: 'none' });
      await outbox.publish(client, 'orders.1', 'last');
    });
    await heard.until(() => heard.of('orders.1').length === 1);
    await settled(outbox);
    const [late, later, conflict] = await outbox.failed();
    expect([late!.code, later!.code, conflict!.code]).toEqual(['ENDED', 'ENDED', 'CONFLICT']);
    expect(await outbox.failed(1)).toEqual([late]);

    expect(await outbox.retry(late!.id)).toBe(true);
    await eventually(async () => (await outbox.failed()).some(({ attempts }) => attempts === 2));
    await bus.forget('jobs.1');
    expect(await outbox.retry(late!.id)).toBe(true);
    await heard.until(() => heard.of('jobs.1').includes('late'));
    expect(await outbox.discard(later!.id)).toBe(true);
    expect(await outbox.discard(later!.id)).toBe(false);
    expect(await outbox.retry(later!.id)).toBe(false);
    expect(await outbox.failed()).toEqual([conflict]);
    expect(heard.of('jobs.1')).toEqual(['first', null, 'late']);
    expect(heard.of('prices.1')).toEqual([1]);
  });
});

describe('A row that may be published later', () => {
  it.each(['a known limit', 'an unknown error'])('holds its own topic only, in order: %s', async (kind) => {
    const { port, url } = database();
    const backplane = new FaultyBackplane();
    const { outbox, heard, errors } = await outboxNode(url, {}, { backplane });
    let refused = 0;
    let isFull = true;
    backplane.fault = ({ topic }) => {
      if (topic !== 'orders.1' || !isFull) return undefined;
      refused++;
      return { as: 'refuse', error: kind === 'a known limit' ? full() : new Error('Something.') };
    };
    const client = await connected(port);
    await transaction(client, async () => {
      for (const n of [1, 2, 3]) await outbox.publish(client, 'orders.1', n);
      for (const n of [1, 2, 3]) await outbox.publish(client, 'orders.2', n);
    });
    await heard.until(() => heard.of('orders.2').length === 3);
    for (let n = 4; refused < 3; n++) {
      await transaction(client, () => outbox.publish(client, 'orders.2', n));
      await heard.until(() => heard.of('orders.2').length === n);
    }
    expect(heard.of('orders.1')).toEqual([]);
    isFull = false;
    await heard.until(() => heard.of('orders.1').length === 3);
    expect(heard.of('orders.1')).toEqual([1, 2, 3]);
    expect(await outbox.failed()).toEqual([]);
    expect(errors).toEqual([]);
  });
});

describe('While the log cannot be reached', () => {
  it('the relay waits, puts nothing aside, says so once, and goes on in order', async () => {
    const { port, url } = database();
    const backplane = new FaultyBackplane();
    const { outbox, heard, errors } = await outboxNode(url, {}, { backplane });
    let tried = 0;
    let isAway = true;
    backplane.fault = () => {
      if (!isAway) return undefined;
      tried++;
      return { as: 'refuse', error: unavailable() };
    };
    const client = await connected(port);
    await transaction(client, async () => {
      for (const n of [1, 2, 3]) await outbox.publish(client, `orders.${n % 2}`, n);
    });
    await eventually(() => tried > 4);
    isAway = false;
    await heard.until(() => heard.of('orders.0').length + heard.of('orders.1').length === 3);
    expect([heard.of('orders.0'), heard.of('orders.1')]).toEqual([[2], [1, 3]]);
    expect(await outbox.failed()).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ stage: 'outbox', error: { code: 'UNAVAILABLE' } });
  });

  it.each(['orders', 'prices', 'jobs'])(
    'an event of %s that was stored without an answer is found there: it is published once, also when its message id is forgotten',
    async (topics) => {
      const { port, url } = database();
      const backplane = new FaultyBackplane();
      const { outbox, heard } = await outboxNode(url, {}, { backplane });
      const failed = new Set<string>();
      backplane.fault = ({ data }) => {
        if (failed.has(data)) return undefined;
        failed.add(data);
        return { as: 'store and fail', error: Number(data) % 2 ? unavailable() : new Error('Something.') };
      };
      const client = await connected(port);
      await transaction(client, async () => {
        for (let n = 1; n <= 20; n++) await outbox.publish(client, `${topics}.${n % 3}`, n);
      });
      await settled(outbox);
      for (const rest of [0, 1, 2])
        expect(heard.of(`${topics}.${rest}`)).toEqual(
          Array.from({ length: 20 }, (_, index) => index + 1).filter((n) => n % 3 === rest),
        );
    },
  );
});
