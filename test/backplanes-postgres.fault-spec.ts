import { Logger } from '@nestjs/common';
import type { Position } from 'nestjs-push';
import { running } from './support/log-on-server.js';
import { connected, limitFiles, startPostgres } from './support/postgres.js';
import { recording } from './support/postgres-log.js';
import type { ServerProcess } from './support/servers.js';
import { eventually } from './support/watched.js';

beforeAll(() => Logger.overrideLogger(false));

/** How many events are published at once. */
const atOnce = 256;
const patient = { publishTimeout: 120_000 };

/** Publishes numbers, so many at once, until it is told to stop. */
class Crowd {
  readonly acknowledged = new Map<number, Position>();
  private count = 0;
  private isOver = false;
  private readonly running: Promise<void>;

  constructor(private readonly append: (n: number) => Promise<Position>) {
    this.running = this.run();
  }

  async untilMore(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await eventually(() => this.acknowledged.size >= wanted);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      const batch = Array.from({ length: atOnce }, () => this.count++);
      await Promise.all(batch.map(async (n) => this.acknowledged.set(n, await this.append(n))));
    }
  }
}

/** Publishes 256 at once while something happens to the server: all of it is there once, in order, on two nodes. */
async function publishThrough(server: ServerProcess, happen: (crowd: Crowd) => Promise<void>): Promise<void> {
  const [one, other] = [await recording(server.port, patient), await recording(server.port, patient)];
  const crowd = new Crowd((n) => one.backplane.append({ topic: `t.${n % 3}`, data: `${n}` }));
  await crowd.untilMore(1_000);
  await happen(crowd);
  await crowd.untilMore(1_000);
  await crowd.end();
  const numbers = [...Array(crowd.acknowledged.size).keys()];
  const late = await recording(server.port);
  const through = crowd.acknowledged.get(numbers.at(-1)!)!.sequence;
  const stored: unknown[] = [];
  for (let after = 0; after < through;) {
    const page = await late.backplane.history!.page({ topics: ['t.*'], after, through, limit: 1_000 });
    stored.push(...page.events.map(({ data }) => JSON.parse(data) as unknown));
    after = page.through;
  }
  expect(stored).toEqual(numbers);
  for (const { tail } of [one, other]) {
    await tail.until(({ events }) => events.length >= numbers.length);
    expect(tail.data).toEqual(numbers);
    expect(tail.events.map(({ sequence }) => sequence)).toEqual(
      numbers.map((n) => crowd.acknowledged.get(n)!.sequence),
    );
    expect([tail.opened.length, tail.skipped]).toEqual([1, []]);
  }
}

describe('Postgres, while 256 events at once are published', () => {
  it('has them all once and in order over a SIGKILL of the server, again and again', async () => {
    const server = await running(startPostgres());
    await publishThrough(server, async (crowd) => {
      for (let times = 0; times < 5; times++) {
        await server.kill();
        await server.start();
        await crowd.untilMore(500 + times * 37);
      }
    });
  });

  it('has them all once and in order over a disk that is full: the server crashes, again and again, until there is room', async () => {
    const server = await running(startPostgres());
    await publishThrough(server, async () => {
      const client = await connected(server.port);
      const crashed = new Promise((resolve) => client.once('end', resolve));
      // Nothing can be added to the WAL, a checkpoint of the recovery neither.
      limitFiles(server, 1024 * 1024);
      await crashed;
      limitFiles(server, 'unlimited');
    });
  });
});
