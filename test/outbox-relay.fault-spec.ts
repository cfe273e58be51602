import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import type { Client } from 'pg';
import { afterTest } from './support/cleanup.js';
import { keepAll } from './support/log-trial.js';
import { outboxKinds, OutboxProcess, type OutboxNodeSettings } from './support/outbox-cluster.js';
import { connected, startPostgres, urlOf } from './support/postgres.js';
import { running } from './support/log-on-server.js';
import { eventually } from './support/watched.js';

jest.setTimeout(600_000);
Logger.overrideLogger(false);

/** The shortest lease that there is, in milliseconds. */
const lease = 1_000;

/** A step of the relay at which it is stopped: when it comes to it for the count-th time. */
const steps: [step: string, count: number][] = [
  ['lease', 1],
  ['claim', 1],
  ['append', 1],
  ['append', 4],
  ['appended', 1],
  ['appended', 4],
  ['delete', 1],
  ['deleted', 1],
  ['recover', 1],
  ['release', 1],
];

/** Where several topics are on their way side by side. */
const stepsOfMany = steps.filter(([step, count]) => count > 1 || step === 'delete' || step === 'recover');

const variants = outboxKinds.flatMap(({ kind, ...more }) => [
  { ...more, kind, name: `${kind}, four topics`, topics: 4, steps: stepsOfMany, options: {} },
  // What is in the log is known by what is there alone, and not by a message id.
  { ...more, kind, name: `${kind} that forgets message ids`, topics: 1, steps, options: more.forgetful },
]);

/** Two processes, of which one relays, and what is in the log. */
class RelayTrial {
  private count = 0;
  private nodes: OutboxProcess[] = [];

  private constructor(
    private readonly settings: OutboxNodeSettings,
    private readonly client: Client,
    private readonly log: RecordedNode,
    private readonly topics: number,
  ) {}

  static async start(
    settings: OutboxNodeSettings,
    client: Client,
    log: RecordedNode,
    topics: number,
  ): Promise<RelayTrial> {
    const trial = new RelayTrial(settings, client, log, topics);
    for (let i = 0; i < 2; i++) await trial.join();
    return trial;
  }

  /** The relay is stopped at a step while rows come, and the other one takes over. */
  async stopAt(step: string, count: number, signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
    const [relay, other] = await this.roles();
    let stopped = relay;
    if (step === 'recover') {
      const recovering = other.stopAt(step, signal);
      const killed = relay.stopAt('appended', 'SIGKILL', 4);
      await this.publish();
      await killed;
      await recovering;
      stopped = other;
      this.nodes = this.nodes.filter((node) => node !== relay);
      await this.join();
    } else {
      const there = relay.stopAt(step, signal, count);
      await this.publish();
      if (step === 'release') relay.close();
      await there;
    }
    await this.publish();
    await this.untilEmpty();
    if (signal === 'SIGSTOP') {
      stopped.resume();
      if (step !== 'release') {
        // It is a node like any other again, and says so when what it was at is over.
        await stopped.isRelay();
        await this.publish();
        await this.untilEmpty();
        return;
      }
    }
    await stopped.child.untilExit();
    this.nodes = this.nodes.filter((node) => node !== stopped);
    await this.join();
  }

  /** Each row is in the log once, and those of a topic in their order. */
  async check(): Promise<void> {
    await this.untilEmpty();
    const { sequence } = await this.log.backplane.append({ topic: 'last', data: 'null' });
    await this.log.tail.until(({ events }) => events.at(-1)?.sequence === sequence);
    const all = this.log.tail.events.filter(({ topic }) => topic.startsWith('t.'));
    for (let topic = 0; topic < this.topics; topic++) {
      const stored = all.filter((event) => event.topic === `t.${topic}`).map(({ data }) => Number(data));
      expect(stored).toEqual(
        Array.from({ length: this.count }, (_, n) => n).filter((n) => n % this.topics === topic),
      );
    }
    const { rows } = await this.client.query('SELECT * FROM push_outbox.failed');
    expect(rows).toEqual([]);
  }

  private async join(): Promise<void> {
    this.nodes.push(await OutboxProcess.start(this.settings));
  }

  /** The one that relays, and the other one. */
  private async roles(): Promise<[OutboxProcess, OutboxProcess]> {
    for (;;) {
      for (const node of this.nodes)
        if (await node.isRelay()) return [node, this.nodes.find((each) => each !== node)!];
    }
  }

  private async publish(): Promise<void> {
    await this.client.query('BEGIN');
    for (let i = 0; i < 12; i++) {
      const n = this.count++;
      const sql = 'SELECT push_outbox.push_publish($1::text, $2::text)';
      await this.client.query(sql, [`t.${n % this.topics}`, `${n}`]);
    }
    await this.client.query('COMMIT');
  }

  private async untilEmpty(): Promise<void> {
    await eventually(async () => {
      const { rows } = await this.client.query<{ count: number }>(
        'SELECT count(*)::int FROM push_outbox.rows',
      );
      return rows[0]!.count === 0;
    });
  }
}

describe.each(variants)(
  'The relay over $name',
  ({ kind, startServer, backplane, options, topics, steps }) => {
    it.each(['SIGKILL', 'SIGSTOP'] as const)(
      'publishes each row once and in order, with a %s of it at every step, when another one takes over',
      async (signal) => {
        const database = await running(startPostgres());
        const server = kind === 'Postgres' ? database : await running(startServer());
        const log = await startRecording(backplane(server.port, options), keepAll);
        afterTest(() => log.backplane.close());
        const client = await connected(database.port);
        const url = urlOf(database.port);
        const settings = { kind, port: server.port, options, url, lease };
        const trial = await RelayTrial.start(settings, client, log, topics);
        for (const [step, count] of steps) await trial.stopAt(step, count, signal);
        await trial.check();
      },
    );
  },
);
