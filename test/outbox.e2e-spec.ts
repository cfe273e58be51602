import { PushError } from 'nestjs-push';
import { afterTest } from './support/cleanup.js';
import { database, outboxNode, settled, shareDatabase, transaction } from './support/outbox.js';
import { connected, dropInUse, startPgBouncer, urlOf } from './support/postgres.js';
import { eventually } from './support/watched.js';

shareDatabase();

describe('An event that is published in a transaction', () => {
  it('comes once it has committed, and never if it is rolled back', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url);
    const client = await connected(port);
    await client.query('BEGIN');
    await outbox.publish(client, 'orders.1', { status: 'lost' });
    await client.query('ROLLBACK');
    await transaction(client, () => outbox.publish(client, 'orders.1', { status: 'paid' }));
    await heard.until(() => heard.of('orders.1').length > 0);
    await transaction(client, () => outbox.publish(client, 'orders.1', { status: 'shipped' }));
    await heard.until(() => heard.of('orders.1').length > 1);
    expect(heard.of('orders.1')).toEqual([{ status: 'paid' }, { status: 'shipped' }]);
  });

  it('comes by polling alone', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url, { notify: false, pollInterval: 20 });
    const client = await connected(port);
    for (let n = 0; n < 3; n++) {
      await transaction(client, () => outbox.publish(client, 'orders.1', n));
      await heard.until(() => heard.of('orders.1').length > n);
    }
    expect(heard.of('orders.1')).toEqual([0, 1, 2]);
  });

  it('comes by its commit alone, without polling', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url, { pollInterval: 1_000_000 });
    const client = await connected(port);
    for (let n = 0; n < 3; n++) {
      await transaction(client, () => outbox.publish(client, 'orders.1', n));
      await heard.until(() => heard.of('orders.1').length > n);
    }
  });
});

describe('Transactions at the same time', () => {
  it('do not wait for each other: one that stays open delays none, and comes last though it began first', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url);
    const [slow, fast] = [await connected(port), await connected(port)];
    await slow.query('BEGIN');
    await outbox.publish(slow, 'orders.1', 'slow');
    for (let n = 0; n < 300; n++) await transaction(fast, () => outbox.publish(fast, 'orders.1', n));
    await heard.until(() => heard.of('orders.1').length === 300);
    await slow.query('COMMIT');
    await heard.until(() => heard.of('orders.1').length === 301);
    expect(heard.of('orders.1')).toEqual([...Array.from({ length: 300 }, (_, n) => n), 'slow']);
  });

  it('wait for each other with ordered: true, on the same topic only', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url);
    const [first, second, other] = [await connected(port), await connected(port), await connected(port)];
    await first.query('BEGIN');
    await outbox.publish(first, 'orders.1', 'first', { ordered: true });
    let hasCommitted = false;
    const waiting = transaction(second, () =>
      outbox.publish(second, 'orders.1', 'second', { ordered: true }),
    ).then(() => (hasCommitted = true));
    await eventually(async () => {
      const { rows } = await other.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`);
      return rows.length === 1;
    });
    await transaction(other, () => outbox.publish(other, 'orders.2', 'other', { ordered: true }));
    await heard.until(() => heard.of('orders.2').length === 1);
    expect(hasCommitted).toBe(false);
    await first.query('COMMIT');
    await waiting;
    await heard.until(() => heard.of('orders.1').length === 2);
    expect(heard.of('orders.1')).toEqual(['first', 'second']);
  });
});

describe('PushOutbox.publish()', () => {
  it('refuses what EventBus.publish() refuses, with the same errors, before any SQL', async () => {
    const { url } = database();
    const { outbox, bus } = await outboxNode(url, {}, { maxEventBytes: 1_000 });
    const tx = { query: () => Promise.reject(new Error('SQL was run.')) };
    const wrong: [string, unknown, object?][] = [
      ['orders.*', 1],
      ['orders.1', undefined],
      ['orders.1', 1n],
      ['orders.1', 'x'.repeat(1_000)],
      ['orders.1', 1, { type: 'error' }],
      ['orders.1', 1, { messageId: '' }],
      ['orders.1', 1, { meta: { row: 'a' } }],
      ['orders.1', 1, { meta: { a: {} } }],
      ['orders.1', 1, { expect: 'none' }],
      ['orders.1', 1, { end: true }],
      ['prices.1', 1, { expect: 'nothing' }],
      ['orders.1', 1, { publisher: '' }],
    ];
    for (const [topic, data, options] of wrong) {
      const expected = (await bus
        .publish(topic, data, options)
        .catch((error: unknown) => error)) as PushError;
      expect(expected).toBeInstanceOf(PushError);
      await expect(outbox.publish(tx, topic, data, options)).rejects.toMatchObject({
        code: expected.code,
        message: expected.message,
      });
    }
    await expect(outbox.publish(tx, 'a', 1, { ephemeral: true } as object)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await expect(outbox.publish({} as never, 'a', 1)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(outbox.publish(tx, 'a', 1)).rejects.toThrow('SQL was run.');
  });

  it('keeps the data and the options as they are', async () => {
    const { port, url } = database();
    const { outbox, heard } = await outboxNode(url);
    const client = await connected(port);
    const data = { text: 'a\u0000\ud800"\\\n\u2028', list: [1.5, null, true], empty: {} };
    const options = {
      type: 'paid',
      meta: { a: '\u0000', n: 1, b: true },
      messageId: 'm-1',
      publisher: 'ada',
    };
    await transaction(client, () => outbox.publish(client, 'orders.1', data, options));
    await heard.until(() => heard.events.length === 1);
    const [event] = heard.events;
    expect(event).toMatchObject({ type: 'paid', data, meta: { ...options.meta, row: expect.any(String) } });
  });
});

describe('push_publish()', () => {
  it('takes json, jsonb and text from triggers and other languages, over as many lines as they like', async () => {
    const { port, url } = database();
    const { heard } = await outboxNode(url);
    const client = await connected(port);
    await client.query(`CREATE TABLE orders (id int PRIMARY KEY, total numeric);
      CREATE FUNCTION push_outbox.told() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM push_outbox.push_publish('orders.' || NEW.id, to_jsonb(NEW), jsonb_build_object('type', TG_OP));
        RETURN NULL;
      END $$;
      CREATE TRIGGER told AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION push_outbox.told()`);
    await client.query('BEGIN');
    await client.query('INSERT INTO orders VALUES (1, 9.5), (2, 1)');
    await client.query('UPDATE orders SET total = 10 WHERE id = 1');
    await client.query(`SELECT push_outbox.push_publish('lists', json_agg(orders ORDER BY id)) FROM orders`);
    await client.query(
      `SELECT push_outbox.push_publish('text', '{"a": 1}', '{"type": "b"}', ordered => true, notify => false)`,
    );
    await client.query('SELECT push_outbox.push_publish($1, $2)', ['text', '"parameter"']);
    await client.query('COMMIT');
    await heard.until(() => heard.events.length === 6);
    expect(heard.of('orders.1')).toEqual([
      { id: 1, total: 9.5 },
      { id: 1, total: 10 },
    ]);
    expect(heard.events.filter(({ topic }) => topic === 'orders.1').map(({ type }) => type)).toEqual([
      'INSERT',
      'UPDATE',
    ]);
    expect(heard.of('lists')).toEqual([
      [
        { id: 1, total: 10 },
        { id: 2, total: 1 },
      ],
    ]);
    expect(heard.of('text')).toEqual([{ a: 1 }, 'parameter']);
    await expect(client.query(`SELECT push_outbox.push_publish('text', 'no JSON')`)).rejects.toThrow('json');
  });
});

describe('The relay', () => {
  it('starts with what has committed while no process ran, and with what another log had', async () => {
    const { port, url } = database();
    const first = await outboxNode(url, { relay: false });
    const client = await connected(port);
    await transaction(client, async () => {
      for (const n of [1, 2, 3]) await first.outbox.publish(client, 'orders.1', n);
    });
    expect(await first.outbox.stats()).toMatchObject({
      isRelay: false,
      waiting: 3,
      oldest: expect.any(Date),
    });
    await first.app.close();
    // A process that has claimed them, and published some of them in its own memory.
    await client.query(`UPDATE push_outbox.relay SET head = 'a1b2-7', claimed = '{1,2}'`);
    const { heard, outbox } = await outboxNode(url);
    await heard.until(() => heard.of('orders.1').length === 3);
    await settled(outbox);
    expect(heard.of('orders.1')).toEqual([1, 2, 3]);
  });

  it('works through a pooler that gives connections away after each transaction', async () => {
    const { port, url } = database();
    const pooler = await startPgBouncer(port);
    afterTest(() => pooler.dispose());
    const options = { direct: url, pollInterval: 1_000_000 };
    const { outbox, heard } = await outboxNode(urlOf(pooler.port), options);
    const client = await connected(pooler.port);
    for (let n = 0; n < 5; n++) {
      await transaction(client, () => outbox.publish(client, 'orders.1', n, { ordered: n % 2 === 0 }));
      await heard.until(() => heard.of('orders.1').length > n);
    }
    expect(heard.of('orders.1')).toEqual([0, 1, 2, 3, 4]);
  });

  it('needs no right to make anything where the schema is there, and publishers need to insert only', async () => {
    const { port, url } = database();
    const admin = await connected(port, 'postgres');
    const grants = `GRANT USAGE ON SCHEMA push_outbox TO app, relay;
      GRANT INSERT ON push_outbox.rows TO app;
      GRANT SELECT, INSERT, DELETE ON push_outbox.rows, push_outbox.failed TO relay;
      GRANT SELECT, UPDATE ON push_outbox.relay TO relay`;
    await admin.query('CREATE ROLE app LOGIN; CREATE ROLE relay LOGIN');
    afterTest(() => admin.query('DROP OWNED BY app, relay; DROP ROLE app, relay'));
    const { outbox: printer } = await outboxNode(url, { relay: false, migrate: false });
    await admin.query(printer.sql());
    await admin.query(printer.sql());
    await admin.query(grants);
    const { outbox, heard, errors } = await outboxNode(url.replace('push@', 'relay@'), { migrate: false });
    const client = await connected(port, 'app');
    await transaction(client, async () => {
      await outbox.publish(client, 'orders.1', 1);
      await client.query(`SELECT push_outbox.push_publish('orders.>', '1')`);
      await outbox.publish(client, 'orders.1', 2, { ordered: true });
    });
    await heard.until(() => heard.of('orders.1').length === 2);
    await settled(outbox);
    const [failed] = await outbox.failed();
    expect(await outbox.retry(failed!.id)).toBe(true);
    await eventually(async () => (await outbox.failed())[0]?.attempts === 2);
    expect(await outbox.discard(failed!.id)).toBe(true);
    expect(errors).toEqual([]);
  });

  it('says what to do where the schema is missing, and makes it again where it was dropped', async () => {
    const { port, url } = database();
    const without = await outboxNode(url, { migrate: false });
    await eventually(() => without.errors.length > 0);
    expect(String(without.errors[0]!.error)).toContain('PushOutbox.sql()');
    await without.app.close();
    const { outbox, heard } = await outboxNode(url);
    const client = await connected(port);
    await dropInUse(client, 'DROP SCHEMA push_outbox CASCADE');
    await eventually(async () => (await outbox.stats().catch(() => undefined)) !== undefined);
    await transaction(client, () => outbox.publish(client, 'orders.1', 1));
    await heard.until(() => heard.of('orders.1').length === 1);
  });
});
