import { postgresBackplane } from 'nestjs-push/postgres';
import { describeBackplane } from 'nestjs-push/testing';
import { startPgBouncer, startPostgres, urlOf } from './support/postgres.js';
import type { ServerProcess } from './support/servers.js';

describe('Postgres', () => {
  let server: ServerProcess;
  let pooler: ServerProcess;
  let logs = 0;
  beforeAll(async () => {
    server = await startPostgres();
    pooler = await startPgBouncer(server.port);
  });
  afterAll(async () => {
    await pooler.dispose();
    await server.dispose();
  });

  describeBackplane(
    'postgresBackplane({ url })',
    () => {
      const schema = `push_${++logs}`;
      return { node: () => postgresBackplane({ url: urlOf(server.port), schema }) };
    },
    { state: true, ends: true },
  );

  describeBackplane(
    'postgresBackplane({ url, direct }), through PgBouncer in transaction mode',
    () => {
      const [url, direct, schema] = [urlOf(pooler.port), urlOf(server.port), `push_${++logs}`];
      return { node: () => postgresBackplane({ url, direct, schema }) };
    },
    { state: true, ends: true },
  );
});
