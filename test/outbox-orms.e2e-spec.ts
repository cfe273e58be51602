import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { readdir, readFile } from 'node:fs/promises';
import { EventBus, PushModule, type PushEvent } from 'nestjs-push';
import { PushOutbox, PushOutboxModule, type OutboxTransaction } from 'nestjs-push/outbox';
import pg from 'pg';
import { openDrizzle, openDrizzleOfPostgresJs } from './support/orms/drizzle.orm.js';
import { openKnex } from './support/orms/knex.orm.js';
import { openKysely } from './support/orms/kysely.orm.js';
import { openMikroOrm, openMikroOrmContext } from './support/orms/mikro-orm.orm.js';
import type { Orm } from './support/orms/orm.js';
import { openPg } from './support/orms/pg.orm.js';
import { openPostgresJs } from './support/orms/postgres-js.orm.js';
import { openPrisma } from './support/orms/prisma.orm.js';
import { openQueryRunner } from './support/orms/typeorm-runner.orm.js';
import { openRepository, openTypeOrm } from './support/orms/typeorm.orm.js';
import { startPostgres, urlOf } from './support/postgres.js';
import type { ServerProcess } from './support/servers.js';
import { eventually } from './support/watched.js';

let server: ServerProcess;
let client: pg.Client;
let app: INestApplicationContext;
let outbox: PushOutbox;
const heard: PushEvent[] = [];

beforeAll(async () => {
  server = await startPostgres();
  const url = urlOf(server.port);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE TABLE orders (id int PRIMARY KEY, status text NOT NULL)');
  @Module({ imports: [PushModule.forRoot(), PushOutboxModule.forRoot({ url })] })
  class Root {}
  app = await NestFactory.createApplicationContext(Root, { logger: false, abortOnError: false });
  outbox = app.get(PushOutbox);
  app
    .get(EventBus)
    .on('>')
    .subscribe((event) => heard.push(event));
});
afterAll(async () => {
  await app?.close();
  await client?.end();
  await server?.dispose();
});

/** What has come of a topic, in its order: all that was committed before this call, at least. */
async function eventsOf(topic: string): Promise<unknown[]> {
  const end = `end.${crypto.randomUUID()}`;
  await client.query('BEGIN');
  await outbox.publish(client, end, null);
  await client.query('COMMIT');
  await eventually(() => heard.some((event) => event.topic === end));
  return heard.filter((event) => event.topic === topic).map(({ data }) => data);
}

async function statusOf(id: number): Promise<string | undefined> {
  const { rows } = await client.query<{ status: string }>('SELECT status FROM orders WHERE id = $1', [id]);
  return rows[0]?.status;
}

/** What drivers, ORMs and JSON could take for something else. */
const awkward = {
  quotes: `'single' "double" \`back\` ''''`,
  marks: '? ?? ?| ?& $1 $2 $$ $& %s :name ::text @p1 \\? {} ;--',
  backslashes: String.raw`C:\new\table\\ \n \u0041 E'\''`,
  controls: '\u0000\u0001\n\r\t\u007f\u2028\u2029',
  letters: 'é ß ж 漢字 👩‍👩‍👧‍👦 🚀',
  'a "key" with $1 and ?': 'half of a pair: \ud83d',
  big: '123456789012345678901234567890',
  numbers: [Number.MAX_SAFE_INTEGER, 5e-324, -1.5e300],
  none: [null, [], {}, '', false],
};

let orders = 0;

function describeOrm<Tx extends OutboxTransaction>(
  name: string,
  open: (url: string) => Orm<Tx> | Promise<Orm<Tx>>,
  { knowsItsEnd = true, hasExample = true } = {},
): void {
  describe(`In a transaction of ${name}, publish()`, () => {
    let orm: Orm<Tx>;
    let id: number;
    let topic: string;
    beforeAll(async () => {
      orm = await open(urlOf(server.port));
    });
    afterAll(() => orm?.close());
    beforeEach(() => {
      id = ++orders;
      topic = `orders.${id}`;
    });

    it('is committed with the rest: each event comes once, in their order, whatever characters it has', async () => {
      await orm.transaction(async (tx) => {
        await orm.insert(tx, id);
        await outbox.publish(tx, topic, awkward);
        await outbox.publish(tx, topic, 2, { type: "it's $1?", meta: { by: '\\"?$1' } });
        await outbox.publish(tx, topic, awkward.marks);
        // What is not committed is not heard.
        expect(await eventsOf(topic)).toEqual([]);
      });
      expect(await eventsOf(topic)).toEqual([awkward, 2, awkward.marks]);
      expect(heard.find((event) => event.topic === topic && event.data === 2)).toMatchObject({
        type: "it's $1?",
        meta: { by: '\\"?$1' },
      });
      expect(await statusOf(id)).toBe('open');
    });

    it('is rolled back with the rest: no event ever comes', async () => {
      const failure = new Error('nothing in stock');
      const work = orm.transaction(async (tx) => {
        await orm.insert(tx, id);
        await outbox.publish(tx, topic, 1);
        throw failure;
      });
      await expect(work).rejects.toBe(failure);
      expect(await eventsOf(topic)).toEqual([]);
      expect(await statusOf(id)).toBeUndefined();
    });

    it('is rolled back to a savepoint with the rest: only what came before it comes', async () => {
      const other = ++orders;
      await orm.savepoint(
        async (tx) => {
          await orm.insert(tx, id);
          await outbox.publish(tx, topic, 'kept');
        },
        async (tx) => {
          await orm.insert(tx, other);
          await outbox.publish(tx, topic, 'rolled back');
        },
      );
      expect(await eventsOf(topic)).toEqual(['kept']);
      expect([await statusOf(id), await statusOf(other)]).toEqual(['open', undefined]);
    });

    it('refuses what runs its statements outside of the transaction, and says what to pass', async () => {
      expect(orm.outside).not.toEqual({});
      for (const [what, tx] of Object.entries(orm.outside))
        await expect([
          what,
          await outbox.publish(tx as Tx, topic, 1).catch((error: unknown) => error),
        ]).toEqual([
          what,
          expect.objectContaining({
            code: 'INVALID_OPTION',
            message: expect.stringMatching(
              /would not be part of your transaction\. (Take|Pass|Await) /,
            ) as string,
          }),
        ]);
      expect(await eventsOf(topic)).toEqual([]);
    });

    if (knowsItsEnd)
      it('refuses a transaction that has ended', async () => {
        let late!: Tx;
        await orm.transaction(async (tx) => {
          late = tx;
          await orm.insert(tx, id);
        });
        await expect(outbox.publish(late, topic, 1)).rejects.toThrow();
        expect(await eventsOf(topic)).toEqual([]);
      });

    if (hasExample)
      it('does what the documentation shows', async () => {
        await orm.transaction((tx) => orm.insert(tx, id));
        await orm.example!(outbox).pay(id);
        expect(await statusOf(id)).toBe('paid');
        expect(await eventsOf(topic)).toEqual([{ status: 'paid' }]);
      });
  });
}

describeOrm('pg', openPg);
describeOrm('TypeORM', openTypeOrm);
describeOrm('TypeORM by a QueryRunner', openQueryRunner, { hasExample: false });
describeOrm('TypeORM by a Repository', openRepository, { hasExample: false });
describeOrm('Prisma', openPrisma);
describeOrm('Drizzle with pg', openDrizzle);
describeOrm('Drizzle with postgres', openDrizzleOfPostgresJs, {
  knowsItsEnd: false,
  hasExample: false,
});
describeOrm('Kysely', openKysely);
describeOrm('MikroORM', openMikroOrm);
describeOrm('MikroORM by its context', openMikroOrmContext, { hasExample: false });
describeOrm('Knex', openKnex);
describeOrm('postgres', openPostgresJs, { knowsItsEnd: false });

it.each(['pg', 'typeorm', 'prisma', 'drizzle', 'kysely', 'mikro-orm', 'knex', 'postgres-js'])(
  'docs/outbox-orms.md has the example of %s as it is tested',
  async (name) => {
    const page = await readFile('libs/push/docs/outbox-orms.md', 'utf8');
    const file = await readFile(`test/support/orms/${name}.example.ts`, 'utf8');
    const example = file.slice(file.indexOf('@Injectable()'));
    expect(page).toContain(`\`\`\`ts\n${example}\`\`\``);
  },
);

it.each(['dist', 'dist/cjs'])('%s imports no ORM, and no type of one', async (folder) => {
  const built = `libs/push/${folder}/outbox/transactions`;
  const files = (await readdir(built)).filter((name) => /\.(js|d\.ts)$/.test(name));
  expect(files).toContain('typeorm.d.ts');
  for (const name of files) {
    const code = await readFile(`${built}/${name}`, 'utf8');
    const imported = [...code.matchAll(/(?:from |import\(|require\()["']([^"']+)/g)].map(([, path]) => path!);
    expect([name, imported.filter((path) => !path.startsWith('.'))]).toEqual([name, []]);
  }
});
