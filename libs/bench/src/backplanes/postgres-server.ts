import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

const root = '/usr/lib/postgresql';

/** Postgres does not run as root. */
const asOther =
  userInfo().uid === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];

/** Makes a database in `directory`, and returns the command that serves it. It syncs what it acknowledges, as is its default. */
export function postgresCommand(port: number, directory: string): string[] {
  const versions = existsSync(root) ? readdirSync(root).map(Number) : [];
  const programs = join(root, `${Math.max(...versions)}`, 'bin');
  const data = join(directory, 'data');
  if (asOther.length > 0) spawnSync('chown', ['postgres:postgres', directory]);
  const made = [...asOther, join(programs, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-N'];
  const { status, stderr } = spawnSync(made[0]!, [...made.slice(1), '-E', 'UTF8', '--no-locale']);
  if (status !== 0)
    throw new Error(`PostgreSQL is needed for this benchmark: ${stderr?.toString() ?? 'initdb is missing'}`);
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  return [...asOther, join(programs, 'postgres'), '-D', data, '-p', `${port}`, ...settings];
}

/** Where that database is. */
export function postgresUrl(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
