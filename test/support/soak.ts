import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Verdict } from './ledger.js';
import { connected, dropInUse, startPostgres } from './postgres.js';
import { PushCluster, type ClusterOptions } from './push-cluster.js';
import { startNats, startRedis, type ServerProcess } from './servers.js';

type Kind = ClusterOptions['backplane'];

/** Something that goes wrong while three nodes publish and their clients read. */
interface Fault {
  readonly name: string;
  /** What clients may be told: nothing; that the log ended, each once; or, if they missed something, that it was evicted. */
  readonly tells: 'nothing' | 'epoch' | 'evicted';
  /** Does it, and undoes it. */
  readonly happen: (cluster: PushCluster, server: ServerProcess, kind: Kind) => Promise<void>;
}

/** How many events the feed, or a topic, holds: few, so that it can be trimmed past a node. */
const held = 1_000;
/** The longest that a fault and its end may take, in milliseconds. */
const longestRound = 60_000;
const day = 86_400_000;

/** What each kind of server is, and how little its log holds. */
const kinds: Record<Kind, { readonly start: () => Promise<ServerProcess>; readonly options: object }> = {
  Redis: { start: () => startRedis('aof'), options: { feedLength: held } },
  NATS: { start: () => startNats(), options: { perTopic: held } },
  Postgres: { start: () => startPostgres(), options: { maxEvents: held } },
};

const faults: readonly Fault[] = [
  {
    name: 'SIGKILL of a node, whose clients move',
    tells: 'nothing',
    happen: async (cluster) => {
      const node = cluster.any();
      await node.kill();
      await cluster.ledger.untilMore(100);
      await node.start();
      node.tell('publish');
    },
  },
  {
    name: 'all clients lose their connections and move',
    tells: 'nothing',
    happen: async (cluster) => {
      for (const client of cluster.clients) client.cut();
      await cluster.ledger.untilMore(50);
    },
  },
  {
    name: 'SIGKILL of the server, which has its data when it is back',
    tells: 'nothing',
    happen: async (cluster, server) => {
      await server.kill();
      await delay(cluster.random() * 500);
      await server.start();
    },
  },
  {
    name: 'SIGKILL of the server, which has lost its data when it is back',
    tells: 'epoch',
    happen: async (_, server) => {
      await server.kill();
      await server.wipe();
      await server.start();
    },
  },
  {
    name: 'SIGSTOP of the server for 10 s',
    tells: 'nothing',
    happen: async (_, server) => {
      server.pause();
      await delay(10_000);
      server.resume();
    },
  },
  {
    name: 'TCP resets between nodes and the server',
    tells: 'nothing',
    happen: async (cluster) => {
      for (let times = 0; times < 5; times++) {
        cluster.any().network.reset();
        await cluster.ledger.untilMore(20);
      }
    },
  },
  {
    name: 'a silent network between a node and the server',
    tells: 'nothing',
    happen: async (cluster) => {
      const { network } = cluster.any();
      network.blackhole();
      await cluster.ledger.untilMore(100);
      network.heal();
    },
  },
  {
    name: 'SIGSTOP of a node, past which the log is trimmed',
    tells: 'evicted',
    happen: async (cluster) => {
      const slow = cluster.any();
      const other = cluster.nodes.find((node) => node !== slow)!;
      slow.signal('SIGSTOP');
      const burst = `burst-${cluster.random()}`;
      other.tell('burst', { burst, count: held * 3 });
      await cluster.ledger.until(() => cluster.ledger.has(burst, held * 3 - 1));
      slow.signal('SIGCONT');
    },
  },
  {
    name: 'everything is deleted (FLUSHALL, the stream, the schema)',
    tells: 'epoch',
    happen: (_, server, kind) => flush(kind, server.port),
  },
];

async function flush(kind: Kind, port: number): Promise<void> {
  if (kind === 'Redis') {
    const client = new Redis(port);
    await client.flushall();
    client.disconnect();
    return;
  }
  if (kind === 'Postgres') {
    const client = await connected(port);
    await dropInUse(client, 'DROP SCHEMA IF EXISTS nestjs_push CASCADE');
    await client.end();
    return;
  }
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  await (await jetstreamManager(connection)).streams.delete('push');
  await connection.close();
}

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Every fault once, in random order, then any. */
function* schedule(random: () => number): Generator<Fault> {
  const left = [...faults];
  while (left.length > 0) yield left.splice(Math.floor(random() * left.length), 1)[0]!;
  for (;;) yield faults[Math.floor(random() * faults.length)]!;
}

/**
 * Three nodes in processes of their own, one with a clock that is a day ahead and one a day behind, all publishing, and
 * clients on all of them: hurt again and again. After each fault, everything that was stored has to be with every client,
 * once and in order, or the client was told, once, for a true reason.
 *
 * @param say takes lines for people
 */
export async function soak(
  kind: Kind,
  seed: number,
  milliseconds: number,
  say: (line: string) => void,
): Promise<void> {
  const random = randomFrom(seed);
  const { start, options } = kinds[kind];
  const server = await start();
  const clocks = [0, day, -day];
  const cluster = await PushCluster.start({
    ...{ backplane: kind, server, nodes: 3, clientsPerNode: 4, clocks, options, random },
  });
  const total = {
    rounds: 0,
    stored: 0,
    received: 0,
    lost: 0,
    repeated: 0,
    disordered: 0,
    missed: 0,
    gaps: 0,
  };
  try {
    const end = performance.now() + milliseconds;
    for (const fault of schedule(random)) {
      if (performance.now() > end && total.rounds >= faults.length) break;
      const began = performance.now();
      await within(
        longestRound,
        hurt(cluster, () => fault.happen(cluster, server, kind)),
        () => `${kind}, seed ${seed}: ${fault.name} does not end; ${cluster.describe()}`,
      );
      const verdict = cluster.ledger.judge(cluster.clients);
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      say(
        `${kind}, seed ${seed}: ${fault.name} (${seconds} s): ${JSON.stringify({ ...verdict, losses: undefined })}`,
      );
      for (const loss of verdict.losses) say(`  ${loss}`);
      check(fault, verdict, cluster.clients.length);
      total.rounds++;
      for (const key of ['stored', 'received', 'lost', 'repeated', 'disordered', 'missed'] as const)
        total[key] += verdict[key];
      total.gaps += Object.values(verdict.gaps).reduce((sum, count) => sum + count, 0);
    }
    say(`${kind}, seed ${seed}: ${cluster.clients.length} clients, in all ${JSON.stringify(total)}`);
  } finally {
    await cluster.end();
    await server.dispose();
  }
}

/** Publishes before, during and after what happens. */
async function hurt(cluster: PushCluster, happen: () => Promise<void>): Promise<void> {
  cluster.publish();
  await cluster.ledger.untilMore(50);
  await happen();
  await cluster.ledger.untilMore(50);
  await cluster.settle();
}

async function within(milliseconds: number, work: Promise<void>, describe: () => string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(describe())), milliseconds);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function check({ name, tells }: Fault, verdict: Verdict, clients: number): void {
  const { lost, repeated, disordered, falseGaps, mostGaps, gaps, received } = verdict;
  assert.deepEqual(
    { lost, repeated, disordered, falseGaps },
    { lost: 0, repeated: 0, disordered: 0, falseGaps: 0 },
    name,
  );
  assert.ok(received > 0 && mostGaps <= 1, `${name}: nobody is told twice`);
  if (tells === 'epoch') assert.deepEqual(gaps, { epoch: clients }, `${name}: everyone is told`);
  else
    assert.deepEqual(
      Object.keys(gaps).filter((reason) => reason !== tells),
      [],
      `${name}: nothing else is told`,
    );
}
