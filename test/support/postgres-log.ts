import { postgresBackplane, type PostgresBackplaneOptions } from 'nestjs-push/postgres';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import type { Client } from 'pg';
import { afterTest } from './cleanup.js';
import { keepAll, LogTrial } from './log-trial.js';
import { connected, startPostgres, urlOf } from './postgres.js';
import type { ServerProcess } from './servers.js';
import { TcpProxy } from './tcp-proxy.js';

/** A backplane that waits long for its server. */
export const at = (port: number, more: PostgresBackplaneOptions = {}) =>
  postgresBackplane({ url: urlOf(port), publishTimeout: 30_000, ...more });

/** A server that ends after the test. */
export async function running(starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting;
  afterTest(() => server.dispose());
  return server;
}

/** A network to a server. */
export async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(port);
  afterTest(() => proxy.dispose());
  return proxy;
}

let shared: ServerProcess;

/** A server for the tests of a file. To be called once. */
export function shareServer(): void {
  beforeAll(async () => {
    shared = await startPostgres();
  });
  afterAll(() => shared.dispose());
}

/** That server. Nothing happens to it, and what a test makes there is dropped. */
export function intact(): ServerProcess {
  afterTest(async () => {
    const admin = await connected(shared.port);
    await admin.query('DROP SCHEMA IF EXISTS nestjs_push, one, "Other" CASCADE; DROP TABLE IF EXISTS orders');
    await admin.end();
  });
  return shared;
}

/** Three nodes that publish and read through `port`. */
export async function publishing(port: number, more?: PostgresBackplaneOptions): Promise<LogTrial> {
  const trial = new LogTrial();
  afterTest(() => trial.end());
  for (let i = 0; i < 3; i++) await trial.join(at(port, more));
  trial.publish();
  await trial.untilMore(200);
  return trial;
}

/** A node that records what it reads. */
export async function recording(...options: Parameters<typeof at>): Promise<RecordedNode> {
  const node = await startRecording(at(...options), keepAll);
  afterTest(() => node.backplane.close());
  return node;
}

/** A value that the server is asked for. */
export async function one<T>(client: Client, sql: string): Promise<T> {
  const { rows } = await client.query<{ value: T }>(`SELECT (SELECT ${sql}) AS value`);
  return rows[0]!.value;
}
