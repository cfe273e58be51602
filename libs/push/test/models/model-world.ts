import { strict as assert } from 'node:assert';
import {
  array,
  boolean,
  constant,
  constantFrom,
  nat,
  oneof,
  option,
  record,
  type Arbitrary,
} from 'fast-check';
import { LogEvent } from '../../src/contracts/event.js';
import { Client } from './model-client.js';
import { topics, type Keeping } from './model-log.js';
import { ModelNode } from './model-node.js';

const patterns = [...topics, 'a.*', 'b.*', '*.1', '>', 'd.>'];

/** A node with its clients. */
export class World extends ModelNode {
  readonly clients = [new Client(this), new Client(this), new Client(this)] as const;

  /** Everyone reads until the end: then everything must have been delivered, or explained. */
  async finish(): Promise<void> {
    this.follow();
    for (const client of this.clients) client.recover();
    for (const client of this.clients) client.drain(Infinity);
    await this.settle();
    // So much may be left to read that it takes turns.
    for (let turns = 0; this.isReading && turns < 10_000; turns++) {
      this.history?.answer(true);
      await this.settle();
      for (const client of this.clients) client.recover();
    }
    for (const client of this.clients) client.finish();
    for (const client of this.clients) client.leave();
    const { connections, subscriptions, audiences, lagging } = this.hub.stats();
    assert.deepEqual([connections, subscriptions, audiences, lagging], [0, 0, 0, 0]);
  }
}

const client = nat(2);
const starts = oneof(
  constantFrom('now', 'last', 'last:2', 'last:3', 'earliest', 'start'),
  record({ ago: nat(40) }),
  constantFrom('garbage', 'elsewhere-3', 'future'),
);
const steps = oneof(
  {
    weight: 10,
    arbitrary: record({
      do: constant('publish' as const),
      topic: constantFrom(...topics),
      except: option(client, { freq: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: record({ do: constant('burst' as const), topic: constantFrom(...topics), count: nat(20) }),
  },
  { weight: 2, arbitrary: record({ do: constant('pass' as const), topic: constantFrom(...topics) }) },
  { weight: 4, arbitrary: record({ do: constant('turn' as const) }) },
  {
    weight: 5,
    arbitrary: record({
      do: constant('subscribe' as const),
      client,
      patterns: array(constantFrom(...patterns), { minLength: 1, maxLength: 3 }),
      start: starts,
      repeat: boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: record({ do: constant('unsubscribe' as const), client, pattern: constantFrom(...patterns) }),
  },
  { weight: 3, arbitrary: record({ do: constant('fill' as const), client, room: nat(2) }) },
  {
    weight: 3,
    arbitrary: record({ do: constant('drain' as const), client, room: constantFrom(1, 2, Infinity) }),
  },
  { weight: 2, arbitrary: record({ do: constant('drop' as const), client }) },
  { weight: 2, arbitrary: record({ do: constant('heartbeat' as const), client }) },
  { weight: 1, arbitrary: record({ do: constant('replace' as const) }) },
);

/** What may happen where the node may be late. */
const lateSteps = oneof(
  { weight: 34, arbitrary: steps },
  { weight: 3, arbitrary: record({ do: constant('stall' as const) }) },
  { weight: 2, arbitrary: record({ do: constant('follow' as const) }) },
);

/** What may happen where there is a history. */
const laterSteps = oneof(
  { weight: 34, arbitrary: steps },
  { weight: 6, arbitrary: record({ do: constant('answer' as const), isFresh: boolean() }) },
  { weight: 4, arbitrary: record({ do: constant('evict' as const), topic: constantFrom(...topics) }) },
  {
    weight: 2,
    arbitrary: record({ do: constant('miss' as const), topic: constantFrom(...topics), count: nat(3) }),
  },
);
type StepOf<A> = A extends Arbitrary<infer T> ? T : never;
export type Step = StepOf<typeof laterSteps> | StepOf<typeof lateSteps>;

/** All that may happen to a log that is kept like this. */
export function stepsOf(keeping: Keeping): Arbitrary<Step> {
  return keeping.history ? laterSteps : keeping.isLate ? lateSteps : steps;
}

function startOf(start: string | { ago: number }, { log }: World): string {
  if (start === 'future') return `${log.epoch}-${log.events.length + 1_000}`;
  if (typeof start === 'string') return start;
  return `${log.epoch}-${Math.max(0, log.events.length - start.ago)}`;
}

/** Does one step of a script. */
export async function run(world: World, step: Step): Promise<void> {
  const { clients } = world;
  switch (step.do) {
    case 'publish':
      return world.log.publish(step.topic, step.except === null ? undefined : clients[step.except]!.id);
    case 'burst':
      for (let n = 0; n < step.count; n++) world.log.publish(step.topic, undefined);
      return;
    case 'pass':
      return world.hub.deliverEphemeral(new LogEvent(world.log.epoch, 0, { topic: step.topic, data: '0' }));
    case 'turn':
      await world.settle();
      return clients.forEach((client) => client.recover());
    case 'subscribe':
      return clients[step.client]!.subscribe(step.patterns, startOf(step.start, world), step.repeat);
    case 'unsubscribe':
      return clients[step.client]!.unsubscribe([step.pattern]);
    case 'fill':
      return clients[step.client]!.fill(step.room);
    case 'drain':
      return clients[step.client]!.drain(step.room);
    case 'drop':
      return clients[step.client]!.drop();
    case 'heartbeat':
      return clients[step.client]!.heartbeat();
    case 'answer':
      world.history!.answer(step.isFresh);
      return world.settle();
    case 'evict':
      return world.log.evict(step.topic);
    case 'miss':
      world.log.miss(step.topic, step.count);
      return clients.forEach((client) => client.recover());
    case 'stall':
      return world.log.stall();
    case 'follow':
      world.follow();
      return clients.forEach((client) => client.recover());
    case 'replace':
      world.replace();
      return clients.forEach((client) => client.recover());
  }
}
