import { postgresBackplane, type PostgresBackplaneOptions } from 'nestjs-push/postgres';
import type { RecordedNode } from 'nestjs-push/testing';
import type { Client } from 'pg';
import { afterTest } from './cleanup.js';
import { publishingOn, recordingOn } from './log-on-server.js';
import type { LogTrial } from './log-trial.js';
import { connected, dropInUse, startPostgres, urlOf } from './postgres.js';
import type { ServerProcess } from './servers.js';

/** A backplane that waits long for its server. */
export const at = (port: number, more: PostgresBackplaneOptions = {}) =>
  postgresBackplane({ url: urlOf(port), publishTimeout: 30_000, ...more });

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
    const schemas = 'DROP SCHEMA IF EXISTS nestjs_push, one, "Other" CASCADE';
    await dropInUse(admin, `${schemas}; DROP TABLE IF EXISTS orders`);
    await admin.end();
  });
  return shared;
}

/** Three nodes that publish and read through `port`. */
export const publishing = (port: number, more?: PostgresBackplaneOptions): Promise<LogTrial> =>
  publishingOn(() => at(port, more));

/** A node that records what it reads. */
export const recording = (...options: Parameters<typeof at>): Promise<RecordedNode> =>
  recordingOn(at(...options));

/** A value that the server is asked for. */
export async function one<T>(client: Client, sql: string): Promise<T> {
  const { rows } = await client.query<{ value: T }>(`SELECT (SELECT ${sql}) AS value`);
  return rows[0]!.value;
}
