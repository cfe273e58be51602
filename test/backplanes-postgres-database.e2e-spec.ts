import { Logger } from '@nestjs/common';
import { postgresBackplane, type PostgresBackplaneOptions } from 'nestjs-push/postgres';
import { RecordingTail, startRecording, type RecordedNode } from 'nestjs-push/testing';
import type { Client } from 'pg';
import { afterTest } from './support/cleanup.js';
import { finiteRules } from './support/ends.js';
import { running } from './support/log-on-server.js';
import { keepAll } from './support/log-trial.js';
import { connected, startPgBouncer, startPostgres, urlOf } from './support/postgres.js';
import { intact, one, publishing, recording, shareServer } from './support/postgres-log.js';
import { eventually } from './support/watched.js';

shareServer();
beforeAll(() => Logger.overrideLogger(false));

/** Why publishing fails on a server that does not let the node do what it has to. */
async function refusal(options: PostgresBackplaneOptions): Promise<string> {
  const backplane = postgresBackplane({ ...options, publishTimeout: 500 });
  afterTest(() => backplane.close());
  backplane.start(new RecordingTail(), keepAll);
  // The first attempt may take longer than publishing waits.
  for (;;) {
    const message = await backplane.append({ topic: 'a', data: '1' }).then(
      () => 'published',
      (error: Error) => error.message,
    );
    if (message.includes('(') || message === 'published') return message;
  }
}

describe('Postgres: transactions of the application', () => {
  it('delay no node, however long they stay open, whatever they have read or written', async () => {
    const { port } = intact();
    const trial = await publishing(port);
    const [writer, reader, admin] = [await connected(port), await connected(port), await connected(port)];
    await writer.query('CREATE TABLE orders (id int); BEGIN; INSERT INTO orders VALUES (1)');
    // As pg_dump does.
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM nestjs_push.log');
    const rotate = () => one<boolean>(admin, 'nestjs_push.rotate(1, 0)');
    const drop = () => one<boolean>(admin, 'nestjs_push.drop_oldest(0)');
    for (let times = 0; times < 5; times++) {
      await trial.untilMore(300);
      await rotate();
      // The table is being read: it is left for later, and no query waits for it.
      expect(await drop()).toBe(false);
    }
    for (const client of [writer, reader]) await client.query('COMMIT');
    // Nodes read it too, for moments.
    await eventually(drop);
    await trial.untilMore(300);
    await trial.settle();
    trial.checkComplete();
  });

  it('leaves no dead rows in the head and the log for them to keep: storing stays as cheap as it was', async () => {
    const { port } = intact();
    const { backplane } = await recording(port);
    const [writer, admin] = [await connected(port), await connected(port)];
    await writer.query('CREATE TABLE orders (id int); BEGIN; INSERT INTO orders VALUES (1)');
    for (let n = 0; n < 500; n++) await backplane.append({ topic: 'a', data: `${n}` });
    const pages = (table: string) =>
      one<number>(admin, `pg_relation_size('nestjs_push.${table}')::int / 8192`);
    // A row that is updated 500 times takes several pages while nothing may be cleaned up.
    expect(await pages('head')).toBe(1);
    await writer.query('ROLLBACK');
  });

  it('are none of the backplane’s own: it is never idle in one, and a limit of that does nothing to it', async () => {
    const { port } = await running(startPostgres(['-c', 'idle_in_transaction_session_timeout=1ms']));
    const trial = await publishing(port);
    const admin = await connected(port, 'postgres');
    for (let times = 0; times < 200; times++)
      expect(
        await one<number>(
          admin,
          `count(*)::int FROM pg_stat_activity WHERE application_name = 'nestjs-push' AND state LIKE 'idle in%'`,
        ),
      ).toBe(0);
    await trial.settle();
    trial.checkComplete();
  });
});

describe('Postgres: limits that a role has', () => {
  const limits = {
    statement_timeout: '500ms',
    lock_timeout: '10ms',
    idle_in_transaction_session_timeout: '1ms',
    idle_session_timeout: '50ms',
  };

  /** Connections of the backplane: those that listen, and all. */
  const connections = (admin: Client) =>
    one<[number | null, number]>(
      admin,
      `json_build_array(max(pid) FILTER (WHERE query LIKE '%LISTEN%'), count(*)::int)
        FROM pg_stat_activity WHERE application_name = 'nestjs-push'`,
    );

  it('lose nothing and store nothing twice, and what is not stored is still heard', async () => {
    const { port } = intact();
    const admin = await connected(port, 'postgres');
    // The tables are there before.
    await (await recording(port)).backplane.close();
    for (const [name, limit] of Object.entries(limits))
      await admin.query(`ALTER ROLE push SET ${name} = '${limit}'`);
    afterTest(() => admin.query('ALTER ROLE push RESET ALL'));
    const trial = await publishing(port);
    await trial.untilMore(300);
    await trial.settle();
    trial.checkComplete();
    await Promise.all(trial.nodes.slice(1).map(({ backplane }) => backplane.close()));
    const [{ backplane, tail }] = trial.nodes as [RecordedNode];
    await eventually(async () => (await connections(admin))[1] > 0);
    const [listener] = await connections(admin);
    // What has nothing to do is disconnected, again and again: not what listens.
    for (let times = 0; times < 3; times++) {
      await eventually(async () => (await connections(admin))[1] < 4);
      await eventually(() =>
        backplane.control(`${times}`).then(
          () => true,
          () => false,
        ),
      );
      await tail.until(({ messages }) => messages.includes(`${times}`));
    }
    expect((await connections(admin))[0]).toBe(listener);
  });
});

describe('Postgres: a log that is full', () => {
  it('empties its oldest table, tells a reader that was slow, and the history of it', async () => {
    const { port } = intact();
    const writer = await recording(port);
    const slow = await recording(port);
    const admin = await connected(port);
    const append = (n: number) => writer.backplane.append({ topic: `t.${n % 5}`, data: `${n}` });
    await append(0);
    await slow.tail.until(({ events }) => events.length > 0);
    let release!: () => void;
    slow.tail.congestion = new Promise<void>((resolve) => (release = resolve));
    const many = (from: number) => Promise.all(Array.from({ length: 1_000 }, (_, n) => append(from + n)));
    const [first] = await many(1);
    await eventually(() => one<boolean>(admin, 'nestjs_push.rotate(1, 0)'));
    const [second] = await many(1_001);
    await eventually(() => one<boolean>(admin, 'nestjs_push.drop_oldest(0)'));
    expect(await one<number>(admin, `pg_relation_size('nestjs_push.log_0')::int`)).toBe(0);
    slow.tail.congestion = undefined;
    release();
    const last = await append(2_001);
    await slow.tail.until(({ events }) => events.at(-1)?.sequence === last.sequence);
    const gone = second!.sequence - 1;
    expect(slow.tail.skipped).toEqual([gone]);
    expect(slow.tail.events.filter(({ sequence }) => sequence > gone)).toHaveLength(1_001);
    const query = { topics: ['t.*', 't.1'], after: first!.sequence, through: last.sequence, limit: 5_000 };
    const { lost } = await slow.backplane.history!.page(query);
    expect([...lost]).toEqual([
      ['t.*', gone],
      ['t.1', gone],
    ]);
    // An id in the emptied table is no sign of a loss.
    expect(slow.tail.opened).toHaveLength(1);
  });

  it('goes round its tables, and does not write to one before it is emptied', async () => {
    const { port } = intact();
    const { backplane } = await recording(port);
    const admin = await connected(port);
    const rotate = () => one<boolean>(admin, 'nestjs_push.rotate(1, 0)');
    let rotations = 0;
    for (; rotations < 20; rotations++) {
      await backplane.append({ topic: 'a', data: '1' });
      if (!(await rotate())) break;
    }
    expect(rotations).toBe(7);
    for (let times = 0; times < 20; times++) {
      // It empties the oldest because no other is free, though it is not old.
      await eventually(() => one<boolean>(admin, 'nestjs_push.drop_oldest(3600000)'));
      expect(await one<boolean>(admin, 'nestjs_push.drop_oldest(3600000)')).toBe(false);
      expect(await rotate()).toBe(true);
      await backplane.append({ topic: 'a', data: '1' });
    }
  });
});

describe('Postgres: the schema', () => {
  it('is made once by nodes that start together, through a pooler', async () => {
    const server = intact();
    const pooler = await running(startPgBouncer(server.port));
    const options = { direct: urlOf(server.port) };
    const nodes = await Promise.all(Array.from({ length: 6 }, () => recording(pooler.port, options)));
    expect(new Set(nodes.map(({ tail }) => tail.opened[0]!.epoch)).size).toBe(1);
    await nodes[0]!.backplane.append({ topic: 'a', data: '1' });
    await Promise.all(nodes.map(({ tail }) => tail.until(({ events }) => events.length === 1)));
  });

  it('is printed for those who make it themselves: nodes need no right to make anything', async () => {
    const { port } = intact();
    const [admin, owner] = [await connected(port, 'postgres'), await connected(port)];
    await admin.query('CREATE ROLE app LOGIN');
    const options = { url: urlOf(port).replace('push@', 'app@'), migrate: false, publishTimeout: 5_000 };
    const early = postgresBackplane(options);
    afterTest(() => early.close());
    early.start(new RecordingTail(), keepAll);
    await expect(early.append({ topic: 'a', data: '1' })).rejects.toThrow('PostgresBackplane.sql()');
    await owner.query(early.sql());
    await owner.query(early.sql());
    await owner.query(`GRANT USAGE ON SCHEMA nestjs_push TO app;
      GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA nestjs_push TO app`);
    const { backplane, tail } = await startRecording(postgresBackplane(options), keepAll);
    afterTest(() => backplane.close());
    await backplane.append({ topic: 'a', data: '1' });
    await backplane.oneTimeStore!.put('k', 'v', 60_000);
    expect(await backplane.oneTimeStore!.take('k')).toBe('v');
    await tail.until(({ events }) => events.length === 1);
  });

  it('cannot be used by a role that may not, which is told what is missing and what to do', async () => {
    const { port } = intact();
    const [admin, owner] = [await connected(port, 'postgres'), await connected(port)];
    await admin.query('CREATE ROLE guest LOGIN');
    afterTest(() => admin.query('DROP OWNED BY guest; DROP ROLE guest'));
    const url = urlOf(port).replace('push@', 'guest@');
    const reasonOf = (migrate: boolean) => refusal({ url, migrate });
    expect(await reasonOf(true)).toMatch(/permission denied for database push\. Grant that to the role/);
    await owner.query(postgresBackplane().sql());
    expect(await reasonOf(false)).toMatch(
      /permission denied for schema nestjs_push\. Grant that to the role/,
    );
    await owner.query('GRANT USAGE ON SCHEMA nestjs_push TO guest');
    expect(await reasonOf(false)).toMatch(/permission denied for table \w+\. Grant that to the role/);
    await owner.query('GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA nestjs_push TO guest');
    const lines: string[] = [];
    Logger.overrideLogger({
      log: () => undefined,
      error: () => undefined,
      warn: (line: string) => lines.push(line),
    });
    afterTest(() => Logger.overrideLogger(false));
    // It can publish, and nothing would ever be dropped.
    const { backplane } = await startRecording(postgresBackplane({ url, migrate: false }), finiteRules());
    afterTest(() => backplane.close());
    await backplane.append({ topic: 'a', data: '1' });
    await eventually(() => lines.length > 0);
    expect(lines).toEqual([
      expect.stringMatching(
        /^What is too old stays in Postgres, .*permission denied for table once\. Grant that/,
      ),
    ]);
  });

  it.each(['LATIN1', 'SQL_ASCII'])(
    'is not made in a database whose encoding is %s, which cannot hold every text',
    async (encoding) => {
      const { port } = intact();
      const admin = await connected(port, 'postgres');
      const how = `ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`;
      await admin.query(`CREATE DATABASE other OWNER push ${how}`);
      afterTest(() => admin.query('DROP DATABASE other WITH (FORCE)'));
      expect(await refusal({ url: urlOf(port).replace(/push$/, 'other') })).toContain(
        `The database "other" cannot hold every text: its encoding is ${encoding}. Make one with ENCODING 'UTF8'`,
      );
    },
  );

  it('has a name that is nothing but a name, and is nobody else’s', async () => {
    const bad = ['', 'a b', 'a"; DROP SCHEMA x', "a'", 'a.b', '1a', 'ü', 'x'.repeat(41), '@schema@', '\0'];
    for (const schema of [...bad, 'public', 'pg_catalog', 'pg_mine', 'information_schema'])
      expect(() => postgresBackplane({ schema })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    // Words of SQL, and the names of its own tables and functions.
    const { port } = intact();
    for (const schema of ['select', 'user', 'log', 'append', 'Head', 'x'.repeat(40)]) {
      afterTest(async () => (await connected(port)).query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`));
      const { backplane, tail } = await recording(port, { schema });
      await backplane.append({ topic: 'a', data: '1', messageId: '1' });
      await backplane.control('1');
      await tail.until(({ events, messages }) => events.length === 1 && messages.length === 1);
      await backplane.close();
    }
  });

  it('keeps two logs of one database apart', async () => {
    const { port } = intact();
    const [one, other] = [
      await recording(port, { schema: 'one' }),
      await recording(port, { schema: 'Other' }),
    ];
    await one.backplane.append({ topic: 'a', data: '1' });
    await one.backplane.control('one');
    await other.backplane.append({ topic: 'a', data: '2' });
    await other.backplane.control('other');
    await one.tail.until(({ events, messages }) => events.length === 1 && messages.length === 1);
    await other.tail.until(({ events, messages }) => events.length === 1 && messages.length === 1);
    expect([one.tail.data, one.tail.messages]).toEqual([[1], ['one']]);
    expect([other.tail.data, other.tail.messages]).toEqual([[2], ['other']]);
  });
});
