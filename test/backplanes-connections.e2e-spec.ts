import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { RecordingTail, startRecording } from 'nestjs-push/testing';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { createCertificate } from '../src/certificate.js';
import { afterTest } from './support/cleanup.js';
import { keepAll } from './support/log-trial.js';
import { freePort } from './support/free-port.js';
import { connected, giveAway, startPostgres } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { TcpProxy } from './support/tcp-proxy.js';
import { eventually } from './support/watched.js';

beforeAll(() => Logger.overrideLogger(false));

/** In milliseconds: by then the reason is known. */
const publishTimeout = 5_000;

const user = { username: 'push', password: 'a secret/with:signs@' };

/** What the documentation says that users need. */
const rights = '~{push}:* &{push}:* +@all -@admin -@dangerous +info';

const natsRights = `{
  publish: ["push.>", "push_once.>", "$JS.API.>", "$JS.FC.push.>"],
  subscribe: ["push.>", "_push.>"]
}`;

/** A certificate, and files that a server reads it from. */
async function certificate(): Promise<{ ca: string; files: { cert: string; key: string } }> {
  const { cert, key } = await createCertificate();
  const directory = await mkdtemp(join(tmpdir(), 'push-test-'));
  afterTest(() => rm(directory, { recursive: true }));
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key, { mode: 0o600 })]);
  return { ca: cert, files };
}

async function running(server: Promise<ServerProcess>): Promise<ServerProcess> {
  const started = await server;
  afterTest(() => started.dispose());
  return started;
}

/** A Redis that lets only `user` in, by TLS, at its port. */
async function guardedRedis(): Promise<{ ca: string; port: number }> {
  const { ca, files } = await certificate();
  const port = await freePort();
  const tls = ['--tls-port', `${port}`, '--tls-cert-file', files.cert, '--tls-key-file', files.key];
  const users = [
    ...['--user', 'default', 'off'],
    ...['--user', user.username, 'on', `>${user.password}`, ...rights.split(' ')],
  ];
  await running(startRedis('none', [...tls, '--tls-auth-clients', 'no', ...users]));
  return { ca, port };
}

/** Uses all of a backplane: what is stored, what is not, the history, one-time values, and the check of it all. */
async function checkWorks(backplane: Backplane): Promise<void> {
  afterTest(() => backplane.close());
  const { tail } = await startRecording(backplane, keepAll);
  const { sequence } = await backplane.append({ topic: 'a', data: '1', messageId: randomUUID() });
  await backplane.sendEphemeral({ topic: 'a', data: '2' });
  await tail.until(({ events, ephemeral }) => events.length === 1 && ephemeral.length === 1);
  for (const topics of [['a'], ['*'], ['>']]) {
    const query = { topics, after: sequence - 1, through: sequence, limit: 10 };
    expect((await backplane.history!.page(query)).events).toHaveLength(1);
  }
  await backplane.oneTimeStore!.put('ticket', 'value', 10_000);
  expect(await backplane.oneTimeStore!.take('ticket')).toBe('value');
  await eventually(async () => (await backplane.health()).ready);
}

/** Why publishing fails on a server that does not let the node in. */
async function refusal(backplane: Backplane): Promise<string> {
  afterTest(() => backplane.close());
  backplane.start(new RecordingTail(), keepAll);
  return backplane.append({ topic: 'a', data: '1' }).then(
    () => 'published',
    ({ message }: Error) => message,
  );
}

describe('Redis with TLS and users', () => {
  it('is used by a user with no more rights than are needed, and says what is refused', async () => {
    const { ca, port } = await guardedRedis();
    const { username, password } = user;
    const url = `rediss://${username}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
    await checkWorks(redisBackplane({ url, options: { tls: { ca } } }));
    const client = new Redis({ port, tls: { ca }, ...user, lazyConnect: true });
    await checkWorks(redisBackplane({ client }));
    const wrong = { tls: { ca }, username, password: 'wrong' };
    const [badPassword, badCertificate] = await Promise.all([
      refusal(redisBackplane({ url: `redis://127.0.0.1:${port}`, options: wrong, publishTimeout })),
      refusal(redisBackplane({ url, publishTimeout })),
    ]);
    expect(badPassword).toContain('WRONGPASS');
    expect(badCertificate).toContain('self-signed certificate');
  });

  it('does not end the process by what its server says after its certificate was refused', async () => {
    const { port } = await guardedRedis();
    const proxy = await TcpProxy.start(port);
    afterTest(() => proxy.dispose());
    // An alert where none may be: the socket is destroyed for the certificate, and then has an error of its own.
    proxy.append(Buffer.from([21, 3, 3, 0, 2, 2, 50]));
    const url = `rediss://${user.username}:wrong@127.0.0.1:${proxy.port}`;
    expect(await refusal(redisBackplane({ url, publishTimeout }))).toContain('self-signed certificate');
  });
});

describe('NATS with TLS and users', () => {
  it('is used by a user with no more rights than are needed, and says what is refused', async () => {
    const { ca, files } = await certificate();
    const credentials = { user: user.username, pass: 'secret', inboxPrefix: '_push' };
    const file = `${files.cert}.conf`;
    await writeFile(
      file,
      `tls { cert_file: "${files.cert}", key_file: "${files.key}" }
       authorization { users [{ user: push, password: secret, permissions: ${natsRights} }] }`,
    );
    const { port } = await running(startNats(['--config', file]));
    const at = (connection: object) =>
      natsBackplane({ servers: `127.0.0.1:${port}`, connection, publishTimeout });
    await checkWorks(at({ tls: { ca }, ...credentials }));
    const [badPassword, badCertificate] = await Promise.all([
      refusal(at({ tls: { ca }, ...credentials, pass: 'wrong' })),
      refusal(at(credentials)),
    ]);
    expect(badPassword).toMatch(/authorization/i);
    expect(badCertificate).toContain('self-signed certificate');
  });
});

describe('Postgres with TLS and users', () => {
  /** A Postgres that lets only `user` in, by TLS and with its password. */
  async function guardedPostgres(): Promise<{ ca: string; port: number }> {
    const { ca, files } = await certificate();
    const rules = join(dirname(files.cert), 'pg_hba.conf');
    const address = '127.0.0.1/32';
    await writeFile(
      rules,
      `host all postgres ${address} trust\nhostssl push ${user.username} ${address} scram-sha-256\n`,
    );
    giveAway(dirname(files.cert));
    const tls = ['ssl=on', `ssl_cert_file=${files.cert}`, `ssl_key_file=${files.key}`, `hba_file=${rules}`];
    const { port } = await running(startPostgres(tls.flatMap((option) => ['-c', option])));
    await (await connected(port, 'postgres')).query(`ALTER ROLE push PASSWORD '${user.password}'`);
    return { ca, port };
  }

  it('is used by a user who owns its schema alone, and says what is refused', async () => {
    const { ca, port } = await guardedPostgres();
    const { username, password } = user;
    const urlWith = (secret: string) =>
      `postgres://${username}:${encodeURIComponent(secret)}@127.0.0.1:${port}/push`;
    await checkWorks(postgresBackplane({ url: urlWith(password), options: { ssl: { ca } } }));
    const connect = () =>
      new pg.Client({ host: '127.0.0.1', port, database: 'push', user: username, password, ssl: { ca } });
    await checkWorks(postgresBackplane({ connect }));
    const [badPassword, badCertificate, noTls] = await Promise.all([
      refusal(postgresBackplane({ url: urlWith('wrong'), options: { ssl: { ca } }, publishTimeout })),
      refusal(postgresBackplane({ url: urlWith(password), options: { ssl: true }, publishTimeout })),
      refusal(postgresBackplane({ url: urlWith(password), publishTimeout })),
    ]);
    expect(badPassword).toContain('password authentication failed');
    expect(badCertificate).toContain('self-signed certificate');
    expect(noTls).toContain('no encryption');
  });

  it('does not end the process by what its server says after its certificate was refused', async () => {
    const { port } = await guardedPostgres();
    const proxy = await TcpProxy.start(port);
    afterTest(() => proxy.dispose());
    proxy.append(Buffer.from([21, 3, 3, 0, 2, 2, 50]));
    const url = `postgres://${user.username}:wrong@127.0.0.1:${proxy.port}/push`;
    const said = await refusal(postgresBackplane({ url, options: { ssl: true }, publishTimeout }));
    expect(said).toContain('Postgres cannot be used');
  });
});

describe('Connections of Redis', () => {
  /** Names of the connections that there are, but for the one that asks. */
  async function connections(admin: Redis): Promise<string[]> {
    const list = (await admin.client('LIST')) as string;
    const names = list.split('\n').flatMap((line) => / name=(\S*)/.exec(line)?.[1] ?? []);
    return names.filter((name) => name !== 'admin').sort();
  }

  it('are the backplane’s own: it leaves a client that it takes its settings from alone, and closes the others', async () => {
    const { port } = await running(startRedis());
    const admin = new Redis(port, { connectionName: 'admin' });
    afterTest(() => admin.disconnect());
    const client = new Redis(port, { connectionName: 'shared' });
    afterTest(() => client.disconnect());
    const made: Redis[] = [];
    const connect = () => {
      const redis = new Redis(port, { connectionName: 'made' });
      made.push(redis);
      return redis;
    };
    await client.set('mine', 'untouched');
    const backplanes = [
      redisBackplane({ client, prefix: 'one' }),
      redisBackplane({ connect, prefix: 'two' }),
    ];
    for (const backplane of backplanes) await startRecording(backplane, keepAll);
    const [shared, factory] = [Array<string>(4).fill('shared'), Array<string>(3).fill('made')];
    expect(await connections(admin)).toEqual([...factory, ...shared]);
    await backplanes[0]!.close();
    await backplanes[1]!.close();
    while ((await connections(admin)).length > 1);
    expect(await connections(admin)).toEqual(['shared']);
    expect(await client.get('mine')).toBe('untouched');
    // The server may know it first.
    await eventually(() => made.every(({ status }) => status === 'end'));
  });
});
