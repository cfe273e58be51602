import { Logger } from '@nestjs/common';
import type { Backplane, RetentionRules } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { start, type Child } from './support/processes.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';

Logger.overrideLogger(false);

const topics = Array.from({ length: 10 }, (_, n) => `counters.${n}`);
const largest = { events: 1_000, age: 3_600_000 };
const rules: RetentionRules = {
  of: () => ({ events: 1, age: Infinity, state: { pattern: '>', tombstones: 3_600_000 } }),
  largest,
  state: { rules: [], among: () => 'all', bytes: Infinity },
};

interface Count {
  readonly value: number;
  readonly attempt: string;
}

/** What a node says. */
interface Report {
  readonly stored?: string;
  readonly topic: string;
  readonly value: number;
  readonly failed?: string;
}

const kinds: [
  name: string,
  startServer: () => Promise<ServerProcess>,
  witness: (port: number) => Backplane,
][] = [
  ['Redis', () => startRedis('aof'), (port) => redisBackplane({ url: `redis://127.0.0.1:${port}` })],
  ['NATS', () => startNats(), (port) => natsBackplane({ servers: `127.0.0.1:${port}` })],
  ['Postgres', () => startPostgres(), (port) => postgresBackplane({ url: urlOf(port) })],
];

describe.each(kinds)(
  'Ten counters that two nodes increment by compare and set, on %s',
  (kind, startServer, witness) => {
    let server: ServerProcess;
    let node: RecordedNode;
    const children: Child[] = [];

    function startWriter(): Child {
      const settings = { kind, port: server.port, name: `w${children.length}`, topics, rules: largest };
      const child = start(process.execPath, ['test/support/counting-node.mjs', JSON.stringify(settings)]);
      children.push(child);
      return child;
    }

    /** Resolves when each of `writers` has stored so many more. */
    async function untilMore(writers: readonly Child[], count: number): Promise<void> {
      await Promise.all(
        writers.map(async (writer) => {
          const wanted = writer.output.split('\n').length + count;
          await writer.until(() => {
            if (writer.exit) throw new Error(`A writer has ended: ${writer.output.slice(-2_000)}`);
            return writer.output.split('\n').length >= wanted;
          });
        }),
      );
    }

    /** What all writers, also those that were killed, say that was stored. */
    function reports(): Report[] {
      return children.flatMap(({ output }) =>
        output
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Report),
      );
    }

    it('lose no update, whatever is killed', async () => {
      server = await startServer();
      afterTest(() => server.dispose());
      node = await startRecording(witness(server.port), rules);
      afterTest(() => node.backplane.close());
      let [one, other] = [startWriter(), startWriter()];
      for (let round = 0; round < 3; round++) {
        await untilMore([one, other], 50);
        await server.kill();
        await server.start();
        await untilMore([one, other], 50);
        await one.kill();
        await untilMore([other], 50);
        one = startWriter();
        await untilMore([one, other], 50);
        [one, other] = [other, one];
      }
      await Promise.all([one.kill(), other.kill()]);
      const { sequence } = await node.backplane.append({ topic: 'end', data: 'null' });
      await node.tail.until(({ events }) => events.at(-1)?.sequence === sequence);

      const counts = new Map(topics.map((topic) => [topic, [] as Count[]]));
      for (const { topic, data } of node.tail.events)
        if (topic !== 'end') counts.get(topic)!.push(JSON.parse(data) as Count);
      const stored = reports();
      expect(stored.filter(({ failed }) => failed)).toEqual([]);
      for (const [topic, all] of counts) {
        // Each value follows from the one before, and comes once.
        expect(all.map(({ value }) => value)).toEqual(all.map((_, index) => index + 1));
        const values = new Map(all.map(({ attempt, value }) => [attempt, value]));
        for (const report of stored)
          if (report.topic === topic)
            expect([report.stored, values.get(report.stored!)]).toEqual([report.stored, report.value]);
        expect(values.size).toBe(all.length);
      }
      console.log(`${kind}: ${stored.length} acknowledged, ${node.tail.events.length - 1} stored`);
      expect(node.tail.opened).toHaveLength(1);
    });
  },
);
