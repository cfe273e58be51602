import { Logger } from '@nestjs/common';
import type { Position } from 'nestjs-push';
import { RecordingTail, type RecordedNode } from 'nestjs-push/testing';
import pg from 'pg';
import { afterTest } from './support/cleanup.js';
import { freePort } from './support/free-port.js';
import { capturedLog, proxyTo, running } from './support/log-on-server.js';
import { keepAll } from './support/log-trial.js';
import {
  connected,
  dropInUse,
  liftFileLimit,
  startPostgres,
  startStandby,
  urlOf,
} from './support/postgres.js';
import { at, intact, one, publishing, recording, shareServer } from './support/postgres-log.js';
import { eventually } from './support/watched.js';

shareServer();
beforeAll(() => Logger.overrideLogger(false));

const patient = { publishTimeout: 120_000 };

const sequenceOf = (id: string) => Number(id.split('-')[1]);

describe('Postgres: what a server can lose', () => {
  it('keeps everything over connections that are terminated, again and again', async () => {
    const { port } = intact();
    const trial = await publishing(port);
    const admin = await connected(port, 'postgres');
    for (let times = 0; times < 10; times++) {
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nestjs-push'`,
      );
      await trial.untilMore(60);
    }
    await trial.settle();
    trial.checkComplete();
  });

  it.each(['publishing', 'reading', 'asking', 'listening'])(
    'keeps everything over its connection for %s, terminated again and again',
    async (purpose) => {
      const { port } = intact();
      const connect = (each: string) =>
        new pg.Client({ connectionString: urlOf(port), application_name: `push ${each}` });
      const trial = await publishing(port, { connect });
      const admin = await connected(port, 'postgres');
      const terminate = `count(pg_terminate_backend(pid))::int FROM pg_stat_activity WHERE application_name = 'push ${purpose}'`;
      for (let times = 0; times < 5; times++) {
        await eventually(async () => (await one<number>(admin, terminate)) > 0);
        await trial.untilMore(30);
      }
      await trial.settle();
      trial.checkComplete();
      const [{ backplane }, { tail }] = trial.nodes as [RecordedNode, RecordedNode];
      await eventually(() =>
        backplane.oneTimeStore!.put('k', 'v', 60_000).then(
          () => true,
          () => false,
        ),
      );
      expect(await backplane.oneTimeStore!.take('k')).toBe('v');
      // What is not stored is lost while its connection is replaced, and heard again then.
      await eventually(async () => {
        await backplane.control('again').catch(() => undefined);
        return tail.messages.length > 0;
      });
    },
  );

  it('keeps everything over a failover to a standby that has everything', async () => {
    const first = await running(startPostgres());
    const second = await running(startStandby(first.port));
    const proxy = await proxyTo(first.port);
    const trial = await publishing(proxy.port);
    proxy.refuse();
    const [before, after] = [
      await connected(first.port, 'postgres'),
      await connected(second.port, 'postgres'),
    ];
    const end = await one<string>(before, 'pg_current_wal_lsn()');
    await eventually(() => one<boolean>(after, `pg_last_wal_replay_lsn() >= '${end}'::pg_lsn`));
    await after.query('SELECT pg_promote()');
    proxy.redirect(second.port);
    proxy.heal();
    await trial.untilMore(200);
    await trial.settle();
    trial.checkComplete();
  });

  it('tells every node of another log after a failover to a standby that lacks acknowledged events', async () => {
    const first = await running(startPostgres());
    const replication = await proxyTo(first.port);
    const second = await running(startStandby(replication.port));
    const proxy = await proxyTo(first.port);
    const trial = await publishing(proxy.port);
    const after = await connected(second.port, 'postgres');
    const before = await connected(first.port, 'postgres');
    const end = await one<string>(before, 'pg_current_wal_lsn()');
    await eventually(() => one<boolean>(after, `pg_last_wal_replay_lsn() >= '${end}'::pg_lsn`));
    replication.refuse();
    await trial.untilMore(200);
    await first.kill();
    await after.query('SELECT pg_promote()');
    proxy.redirect(second.port);
    await trial.untilMore(200);
    await trial.settle();
    trial.checkReplaced();
    // Numbers of lost events are not given again: no position of the old log means another event in the new one.
    const [old, next] = trial.nodes[0]!.tail.opened as [Position, Position];
    const numbers = (epoch: string) =>
      [...trial.acknowledged.keys()].filter((id) => id.startsWith(`${epoch}-`)).map(sequenceOf);
    expect(Math.min(...numbers(next.epoch))).toBeGreaterThan(Math.max(...numbers(old.epoch)));
  });

  it('notices that its schema was dropped though nobody publishes, and makes it again', async () => {
    const { port } = intact();
    const { backplane, tail } = await recording(port);
    await backplane.append({ topic: 'a', data: '1' });
    await dropInUse(await connected(port), 'DROP SCHEMA nestjs_push CASCADE');
    await tail.until(({ opened }) => opened.length === 2);
    expect(tail.opened[1]!.epoch).not.toBe(tail.opened[0]!.epoch);
    await backplane.append({ topic: 'a', data: '2' });
    await tail.until(({ data }) => data.at(-1) === 2);
  });

  it('stores nothing while the disk is full, loses nothing, and goes on when there is room', async () => {
    // No file can become larger: the table of the log is full soon, and what the server writes otherwise is not.
    const server = await running(startPostgres([], 20 * 1024 * 1024));
    const [one, other] = [await recording(server.port, patient), await recording(server.port, patient)];
    const padding = randomText(200_000);
    const appends = Array.from({ length: 130 }, (_, n) =>
      one.backplane.append({ topic: 'a', data: JSON.stringify({ n, padding }) }),
    );
    await eventually(async () => (await one.backplane.health()).detail.includes('File too large'));
    liftFileLimit(server);
    const positions = await Promise.all(appends);
    for (const { tail } of [one, other]) {
      await tail.until(({ events }) => events.length === appends.length);
      expect(tail.data.map((data) => (data as { n: number }).n)).toEqual(appends.map((_, n) => n));
      expect(tail.events.map(({ sequence }) => sequence)).toEqual(positions.map(({ sequence }) => sequence));
      expect([tail.opened.length, tail.skipped]).toEqual([1, []]);
    }
  });
});

describe('Postgres: what is not stored', () => {
  it('comes whole and in order, however long it is, and however many there are of the same', async () => {
    const { port } = intact();
    const [sender, receiver] = [await recording(port), await recording(port)];
    const long = '😀ü'.repeat(50_000);
    const messages = ['same', 'same', long, '', 'x'.repeat(9_000), 'same'];
    await Promise.all(messages.map((message) => sender.backplane.control(message)));
    await receiver.tail.until((tail) => tail.messages.length === messages.length);
    expect(receiver.tail.messages).toEqual(messages);
  });

  it('is heard again after connections were cut', async () => {
    const { port } = intact();
    const proxy = await proxyTo(port);
    const [cut, other] = [await recording(proxy.port), await recording(port)];
    for (let times = 1; times <= 3; times++) {
      proxy.reset();
      await eventually(async () => {
        await other.backplane.control(`${times}`);
        return cut.tail.messages.includes(`${times}`);
      });
    }
  });
});

describe('Postgres: a server that is away', () => {
  it('starts without it, says so once, and begins when it comes', async () => {
    const lines = capturedLog();
    const server = intact();
    const proxy = await proxyTo(server.port);
    proxy.refuse();
    const backplane = at(proxy.port);
    afterTest(() => backplane.close());
    backplane.start(new RecordingTail(), keepAll);
    const early = [backplane.append({ topic: 'a', data: '1' }), backplane.append({ topic: 'a', data: '2' })];
    expect((await backplane.health()).ready).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^Postgres cannot be used /)]);
    proxy.heal();
    await Promise.all(early);
    await eventually(() => lines.length > 1);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^Postgres is back after \d+ ms/);
  });

  it('closes at once while it is away', async () => {
    const backplane = at(await freePort());
    backplane.start(new RecordingTail(), keepAll);
    const append = backplane.append({ topic: 'a', data: '1' });
    expect((await backplane.health()).ready).toBe(false);
    await Promise.all([backplane.close(), expect(append).rejects.toMatchObject({ code: 'CLOSED' })]);
  });

  it('closes its four connections, and makes no more', async () => {
    const { port } = intact();
    const admin = await connected(port, 'postgres');
    const count = () =>
      one<number>(admin, `count(*)::int FROM pg_stat_activity WHERE application_name = 'nestjs-push'`);
    const { backplane } = await recording(port);
    await backplane.append({ topic: 'a', data: '1' });
    await eventually(async () => (await count()) === 4);
    await backplane.close();
    await eventually(async () => (await count()) === 0);
  });
});

function randomText(length: number): string {
  // What the server cannot make smaller.
  return Array.from({ length }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join('');
}
