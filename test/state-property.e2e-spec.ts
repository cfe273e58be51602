import { Logger } from '@nestjs/common';
import {
  array,
  assert as check,
  asyncProperty,
  constant,
  constantFrom,
  nat,
  oneof,
  record,
} from 'fast-check';
import type { Backplane } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { postgresBackplane } from 'nestjs-push/postgres';
import { redisBackplane } from 'nestjs-push/redis';
import { seed } from '../libs/push/test/models/seed.js';
import { cleanUp } from './support/cleanup.js';
import { FoldingClient, marks } from './support/folding-client.js';
import { startPostgres, urlOf } from './support/postgres.js';
import { startNats, startRedis, type ServerProcess } from './support/servers.js';
import { StateTrial } from './support/state-trial.js';

/*
 * What libs/push/src/hub/state.property.spec.ts shows in memory, on real servers and over real sockets: the state of every
 * client is the fold of the log, whatever was cut, slow, forgotten, refused or expired, on whichever node.
 */

const topics = ['brief.1', 'brief.2', 'long.1', 'long.2', 'timed.1', 'timed.2', 'plain.n'];
const wants = [
  ['brief.*'],
  ['brief.1', 'long.1', 'plain.n'],
  ['long.*', 'timed.*', 'brief.2'],
  ['brief.*', 'plain.*'],
];

const node = nat(1);
const isLarge = constantFrom(true, false, false, false);
const client = nat(2 * wants.length - 1);
const topic = constantFrom(...topics);
const state = constantFrom(...topics.slice(0, -1));
const expect = constantFrom('nothing' as const, 'newest' as const, 'older' as const, 'none' as const);

const steps = oneof(
  { weight: 6, arbitrary: record({ do: constant('publish' as const), node, topic, isLarge }) },
  {
    weight: 6,
    arbitrary: record({ do: constant('replace' as const), node, topic: state, expect, isLarge }),
  },
  { weight: 5, arbitrary: record({ do: constant('remove' as const), node, topic: state, expect }) },
  { weight: 4, arbitrary: record({ do: constant('stop' as const), client }) },
  { weight: 2, arbitrary: record({ do: constant('go' as const), client }) },
  { weight: 4, arbitrary: record({ do: constant('drop' as const), client }) },
  { weight: 3, arbitrary: record({ do: constant('come back' as const), client, node }) },
  { weight: 2, arbitrary: record({ do: constant('settle' as const) }) },
  { weight: 1, arbitrary: record({ do: constant('flood' as const), client, topic: constantFrom(0, -1) }) },
  {
    weight: 1,
    arbitrary: record({ do: constant('miss' as const), client, topic: constantFrom('brief.1', 'brief.2') }),
  },
);

const kinds: [string, () => Promise<ServerProcess>, (port: number, log: string) => Backplane][] = [
  [
    'Redis',
    startRedis,
    (port, prefix) => redisBackplane({ url: `redis://127.0.0.1:${port}`, prefix, feedLength: 40 }),
  ],
  [
    'NATS',
    startNats,
    (port, stream) => natsBackplane({ servers: `127.0.0.1:${port}`, stream, perTopic: 40 }),
  ],
  ['Postgres', startPostgres, (port, schema) => postgresBackplane({ url: urlOf(port), schema })],
];

beforeAll(() => Logger.overrideLogger(false));

describe.each(kinds)('Over two nodes and %s', (_, startServer, backplane) => {
  let server: ServerProcess;
  let logs = 0;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.dispose());

  it('the state of every client is the fold of the log, whatever is cut, slow, forgotten, refused or expired', async () => {
    const property = asyncProperty(array(steps, { maxLength: 40, size: 'max' }), async (script) => {
      const log = `log${++logs}`;
      const trial = await StateTrial.start(() => backplane(server.port, log));
      try {
        for (const [index, patterns] of wants.entries())
          for (const [each, transport] of (['websocket', 'sse'] as const).entries())
            trial.add(new FoldingClient(transport, [...patterns, marks]), (index + each) % 2);
        for (const step of script) {
          const who = 'client' in step ? trial.clients[step.client]! : undefined;
          if (step.do === 'publish')
            trial.write(step.node, step.topic, { expect: 'nothing', removes: false, ...step });
          else if (step.do === 'replace') trial.write(step.node, step.topic, { removes: false, ...step });
          else if (step.do === 'remove')
            trial.write(step.node, step.topic, { removes: true, isLarge: false, ...step });
          else if (step.do === 'flood')
            await trial.flood(who!, wants[step.client >> 1]!.at(step.topic)!.replace('*', '1'));
          else if (step.do === 'settle') await trial.settle();
          else if (step.do === 'miss') await trial.miss(who!, step.topic);
          else if (step.do === 'stop') who!.stop();
          else if (step.do === 'go') who!.go();
          else if (step.do === 'drop') who!.drop();
          else trial.comeBack(who!, step.node);
        }
        await trial.finish();
      } catch (error) {
        throw new Error(`${(error as Error).message}\n${trial.describe()}`, { cause: error });
      } finally {
        await cleanUp();
      }
    });
    await check(property, {
      numRuns: 10,
      seed,
      interruptAfterTimeLimit: 480_000,
      markInterruptAsFailure: true,
    });
  }, 540_000);
});
