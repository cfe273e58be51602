import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { setTimeout as delay } from 'node:timers/promises';
import { afterTest } from './support/cleanup.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { start, type Child } from './support/processes.js';
import { RunNode } from './support/run-nodes.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { eventually } from './support/watched.js';

/** Milliseconds. */
const lease = 1_000;

const kinds = [
  {
    kind: 'Redis',
    startServer: () => startRedis('aof'),
    node: (port: number, options = {}) => redisBackplane({ url: `redis://127.0.0.1:${port}`, ...options }),
  },
  {
    kind: 'NATS',
    startServer: () => startNats(),
    node: (port: number, options = {}) => natsBackplane({ servers: `127.0.0.1:${port}`, ...options }),
  },
  {
    kind: 'Postgres',
    startServer: () => startPostgres(),
    node: (port: number, options = {}) => postgresBackplane({ url: urlOf(port), ...options }),
  },
];

async function startProducer(kind: string, server: ServerProcess): Promise<Child> {
  const settings = JSON.stringify({ kind, port: server.port, lease });
  const child = start(process.execPath, ['test/support/run-node.mjs', settings]);
  await child.untilOutput('port ');
  return child;
}

async function startRun(child: Child, topic: string): Promise<void> {
  child.process.stdin!.write(`start ${topic}\n`);
  await child.untilOutput(`started ${topic}\n`);
}

/** Resolves once the log has some of a topic. */
async function begun(node: RunNode, topic: string): Promise<void> {
  await eventually(async () => (await node.bus.history(topic)).events.length > 5);
}

/** 0, 1, 2, and so on. */
function counted(data: readonly unknown[]): void {
  expect(data).toEqual(data.map((_, index) => index));
  expect(data.length).toBeGreaterThan(0);
}

describe.each(kinds)('Runs over $kind', ({ kind, startServer, node }) => {
  let server: ServerProcess;
  beforeEach(async () => {
    server = await startServer();
  });
  afterEach(() => server.dispose());

  it('of a node that dies are ended by a survivor, once, for everybody', async () => {
    const producer = await startProducer(kind, server);
    const survivors = [await RunNode.start(node(server.port)), await RunNode.start(node(server.port))];
    const topics = ['runs.1', 'runs.2', 'runs.3'];
    for (const topic of topics) await startRun(producer, topic);
    for (const topic of topics) await begun(survivors[0]!, topic);
    const reading = survivors.flatMap((each) => topics.map((topic) => each.read(topic)));
    const attached = await survivors[1]!.runs.start('runs.1', () => {
      throw new Error('It runs already.');
    });
    await producer.kill();
    for (const { data, reason } of await Promise.all(reading)) {
      counted(data);
      expect(reason).toBe('lost');
    }
    expect(await attached.done).toMatchObject({ reason: 'lost' });
    for (const each of survivors) {
      await eventually(() => each.runs.running().length === 0);
      expect(each.errors).toEqual([]);
    }
  });

  it('of nodes that have all died are ended by the next that starts', async () => {
    const producer = await startProducer(kind, server);
    await startRun(producer, 'runs.1');
    const reader = await RunNode.start(node(server.port));
    await begun(reader, 'runs.1');
    await reader.app.close();
    await producer.kill();
    const next = await RunNode.start(node(server.port));
    const { data, reason } = await next.read('runs.1');
    counted(data);
    expect(reason).toBe('lost');
    await eventually(() => next.runs.running().length === 0);
  });

  it('of a node that is paused for longer than its lease abort when it goes on, and write nothing more', async () => {
    const producer = await startProducer(kind, server);
    const survivor = await RunNode.start(node(server.port));
    await startRun(producer, 'runs.1');
    await begun(survivor, 'runs.1');
    producer.process.kill('SIGSTOP');
    afterTest(() => producer.process.kill('SIGCONT'));
    const { data, reason } = await survivor.read('runs.1');
    expect(reason).toBe('lost');
    await eventually(() => survivor.runs.running().length === 0);
    producer.process.kill('SIGCONT');
    await producer.untilOutput('done runs.1 lost\n');
    expect(producer.output).toContain('aborted runs.1\n');
    expect((await survivor.read('runs.1')).data).toEqual(data);
    counted(data);
    // It is a node like any other again.
    await startRun(producer, 'runs.2');
    await begun(survivor, 'runs.2');
    expect(survivor.runs.running().map(({ topic }) => topic)).toEqual(['runs.2']);
    await survivor.runs.cancel('runs.2');
    await producer.untilOutput('done runs.2 cancelled\n');
  });

  // With the short time, publishing fails meanwhile, and the run has to find out what is stored.
  it.each([10_000, 150])(
    'go on when the server is killed and comes back: each chunk once, in order (publishing waits for %i ms)',
    async (publishTimeout) => {
      const one = await RunNode.start(node(server.port, { publishTimeout }));
      const count = 200;
      const source = async function* () {
        for (let number = 0; number < count; number++) {
          yield number;
          await delay(10);
        }
      };
      const run = await one.runs.start('runs.1', source, { joinFor: 0 });
      await begun(one, 'runs.1');
      await server.kill();
      await delay(4 * 150);
      await server.start();
      expect(await run.done).toMatchObject({ reason: 'done' });
      const { data, reason } = await one.read('runs.1');
      expect(data).toEqual(Array.from({ length: count }, (_, number) => number));
      expect(reason).toBe('done');
      expect(one.errors).toEqual([]);
    },
  );
});
