import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { postgresBackplane } from 'nestjs-push/postgres';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import pg, { type Client } from 'pg';
import { afterTest } from './support/cleanup.js';
import { keepAll } from './support/log-trial.js';
import { intact, recording, shareServer } from './support/postgres-log.js';
import { urlOf } from './support/postgres.js';
import { eventually } from './support/watched.js';

shareServer();
beforeAll(() => Logger.overrideLogger(false));

/** A node, and what it asks the server when it reads. */
async function watched(
  port: number,
): Promise<RecordedNode & { readonly reads: jest.Spied<Client['query']> }> {
  let reads!: jest.Spied<Client['query']>;
  const connect = (purpose: string) => {
    const client = new pg.Client(urlOf(port));
    if (purpose === 'reading') reads = jest.spyOn(client, 'query');
    return client;
  };
  const node = await startRecording(postgresBackplane({ connect }), keepAll);
  afterTest(() => node.backplane.close());
  await eventually(() => reads !== undefined);
  return { ...node, reads };
}

describe('Postgres: a node that publishes', () => {
  it('gets its own events without reading them, and they are those that others read', async () => {
    const { port } = intact();
    const [own, other] = [await watched(port), await recording(port)];
    const more = [
      { type: 'paid' },
      { except: 'somebody' },
      { publisher: 'p1' },
      { meta: Object.freeze({ trace: '00-4b', n: -0.5, last: false }) },
      { messageId: 'once' },
      { type: 'übrig 😀', except: 'b', publisher: 'p2', meta: Object.freeze({ a: 'b' }) },
    ];
    for (let n = 0; n < 120; n++) {
      const data = JSON.stringify({ n, text: '\x1e\0\n"$p$ü😀' });
      await own.backplane.append({ topic: `t.${n % 3}`, data, ...more[n % 7] });
    }
    // Of those with a message id only the first was stored.
    await other.tail.until(({ events }) => events.length === 120 - 16);
    await own.tail.until(({ events }) => events.length === 120 - 16);
    expect(own.tail.events).toEqual(other.tail.events);
    // It looks at the server from time to time.
    expect(own.reads.mock.calls.length).toBeLessThan(60);
  });

  it('gets everything in order if it cannot keep up with itself', async () => {
    const { port } = intact();
    const [own, other] = [await watched(port), await recording(port)];
    let release!: () => void;
    own.tail.congestion = new Promise<void>((resolve) => (release = resolve));
    for (let n = 0; n < 100; n++) await own.backplane.append({ topic: 'a', data: `${n}` });
    expect(own.tail.events.length).toBeLessThan(100);
    own.tail.congestion = undefined;
    release();
    for (const { tail } of [own, other]) await tail.until(({ events }) => events.length === 100);
    expect(own.tail.events).toEqual(other.tail.events);
  });

  it('is not healthy if it cannot read, though it gets what it publishes itself', async () => {
    const { port } = intact();
    const { backplane, tail, reads } = await watched(port);
    await eventually(async () => (await backplane.health()).ready);
    reads.mockImplementation(() => undefined as never);
    await backplane.append({ topic: 'a', data: '1' });
    await backplane.append({ topic: 'a', data: '2' });
    expect((await backplane.health()).ready).toBe(false);
    expect(tail.events.length).toBeLessThanOrEqual(2);
  });
});
