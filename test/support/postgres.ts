import pg, { type Client } from 'pg';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { afterTest } from './cleanup.js';
import { programPath } from './processes.js';
import { ServerProcess } from './servers.js';

/*
 * PostgreSQL and PgBouncer, as real processes. The database and its owner, who is no superuser, are called "push"; no role needs a
 * password. The administrator is "postgres".
 */

/** Servers of Postgres do not run as root. */
const asOther =
  userInfo().uid === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];

const loopback = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];

type Command = [string, ...string[]];

const roles = 'CREATE ROLE push LOGIN;\nCREATE DATABASE push OWNER push;\n';

/**
 * Makes the data if there are none, then becomes the server. $1: its programs, $2: its folder; the rest: its options. Data that
 * are new are a copy, where the tests have a folder for that: to make them takes as long as many a test.
 */
const script = `
programs=$1 made=$2/made data=$2/data template=\${PUSH_TEST_TEMPLATES:-$2}/postgres; shift 2
if [ ! -e "$made" ]; then
  rm -rf "$data"
  if [ ! -e "$template" ]; then
    "$programs/initdb" -D "$template.$$" -U postgres -A trust -N -E UTF8 --no-locale >/dev/null &&
    printf '%s' '${roles}' | "$programs/postgres" --single -D "$template.$$" postgres >/dev/null || exit 1
    mv -T "$template.$$" "$template" || rm -rf "$template.$$"
  fi
  cp -a "$template" "$data" && touch "$made" || exit 1
fi
exec "$programs/postgres" -D "$data" "$@"`;

/** Where a program of the server is. */
export function postgresPrograms(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number) : [];
  const newest = Math.max(
    ...versions.filter((version) => existsSync(join(root, `${version}`, 'bin/postgres'))),
  );
  if (!(newest >= 15))
    throw new Error('PostgreSQL is missing: install postgresql-15 (apt-get install postgresql-15).');
  return join(root, `${newest}`, 'bin');
}

/** Gives a folder to the user that servers run as. */
export function giveAway(folder: string): void {
  chmodSync(folder, 0o700);
  if (asOther.length > 0) spawnSync('chown', ['-R', 'postgres:postgres', folder]);
}

/**
 * A PostgreSQL server. It syncs what it acknowledges.
 *
 * @param more options of the server: `['-c', 'name=value']`
 * @param largestFile in bytes: the server can write no larger one, as if its disk were full, until `liftFileLimit`
 */
export function startPostgres(
  more: string[] = [],
  largestFile?: number,
  port?: number,
): Promise<ServerProcess> {
  const programs = postgresPrograms();
  const limit = largestFile === undefined ? '' : `ulimit -S -f ${Math.ceil(largestFile / 512)}; `;
  return ServerProcess.start(
    (port, directory) => {
      giveAway(directory);
      const options = ['-p', `${port}`, ...loopback, ...more];
      return [...asOther, 'sh', '-c', limit + script, 'sh', programs, directory, ...options] as Command;
    },
    isReady,
    port,
  );
}

/** Lets a server write files of any size. */
export function liftFileLimit(server: ServerProcess): void {
  limitFiles(server, 'unlimited');
}

/** Lets a server write nothing beyond so many bytes of any file, of its log (WAL) neither, as if its disk were full. */
export function limitFiles(server: ServerProcess, largest: number | 'unlimited'): void {
  // What it starts later has the limit of the first of them.
  for (const pid of server.pids) {
    const limit = ['prlimit', '--pid', `${pid}`, `--fsize=${largest}:unlimited`];
    const [command, ...args] = [...asOther, ...limit] as unknown as Command;
    const { status, stderr } = spawnSync(command, args);
    if (status !== 0 && server.pids.includes(pid)) throw new Error(`The limit stays: ${stderr.toString()}`);
  }
}

/** A server that copies what another one has by way of `port`, and that can be read from, until it is told to take its place. */
export function startStandby(port: number): Promise<ServerProcess> {
  const programs = postgresPrograms();
  const copy = `"$1/pg_basebackup" -h 127.0.0.1 -p ${port} -U postgres -D "$2/data" -R -X stream -c fast -N && touch "$2/made" && `;
  return ServerProcess.start((own, directory) => {
    giveAway(directory);
    const options = ['-p', `${own}`, ...loopback, '-c', 'wal_retrieve_retry_interval=100ms'];
    return [...asOther, 'sh', '-c', copy + script.trim(), 'sh', programs, directory, ...options] as Command;
  }, isReady);
}

/** PgBouncer in transaction mode, with few connections to the server at `port`. */
export function startPgBouncer(server: number): Promise<ServerProcess> {
  return ServerProcess.start((port, directory) => {
    const file = join(directory, 'pgbouncer.ini');
    const settings = [
      ...[
        '[databases]',
        `push = host=127.0.0.1 port=${server} user=push`,
        '[pgbouncer]',
        `listen_port = ${port}`,
      ],
      ...['listen_addr = 127.0.0.1', 'unix_socket_dir =', 'auth_type = any', 'pool_mode = transaction'],
      ...[
        'default_pool_size = 4',
        'max_client_conn = 200',
        'ignore_startup_parameters = extra_float_digits',
        '',
      ],
    ];
    // With "any", everyone is this user.
    writeFileSync(file, settings.join('\n'));
    giveAway(directory);
    return [...asOther, programPath('pgbouncer'), file] as unknown as Command;
  }, isReady);
}

/** The URL of the database, for its owner. */
export function urlOf(port: number): string {
  return `postgres://push@127.0.0.1:${port}/push`;
}

/** A connection that ends after the test. @param user `postgres` is the administrator */
export async function connected(port: number, user = 'push'): Promise<Client> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, database: 'push' });
  client.on('error', () => undefined);
  await client.connect();
  afterTest(() => client.end().catch(() => undefined));
  return client;
}

async function isReady(port: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: urlOf(port), connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    // It may not let everyone in.
    if (String((error as { code?: unknown }).code).startsWith('28')) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return false;
  } finally {
    client.end().catch(() => undefined);
  }
}

/** Deadlock detected: the server has chosen this transaction to give way. */
const deadlock = '40P01';

/** Drops what applications are using, as an operator would: again, where it and their statements wait for each other. */
export async function dropInUse(client: Pick<Client, 'query'>, drop: string): Promise<void> {
  for (;;) {
    try {
      await client.query(drop);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== deadlock) throw error;
    }
  }
}
