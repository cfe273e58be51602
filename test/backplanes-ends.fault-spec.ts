import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { execFileSync } from 'node:child_process';
import type { RetentionRules } from 'nestjs-push';
import { natsBackplane } from 'nestjs-push/nats';
import { describeBackplane, RecordingTail, startRecording } from 'nestjs-push/testing';
import { afterTest } from './support/cleanup.js';
import { finiteRules } from './support/ends.js';
import { startNatsCluster, type ServerProcess } from './support/servers.js';

jest.setTimeout(60_000);

/** Servers before 2.9.21 compare what is expected before they replicate. */
const isOld = /v2\.9\.1?\d\b|v2\.9\.20\b/.test(
  execFileSync('nats-server', ['--version'], { encoding: 'utf8' }),
);

const states: RetentionRules = {
  of: () => ({ events: 1, age: Infinity, state: { pattern: 'state.>', tombstones: 3_600_000 } }),
  largest: { events: 1, age: 3_600_000 },
  state: { rules: [{ pattern: 'state.>', tombstones: 3_600_000 }], among: () => 'all', bytes: Infinity },
};

describe('NATS with three replicas', () => {
  let servers: ServerProcess[];
  let logs = 0;
  beforeAll(async () => {
    Logger.overrideLogger(false);
    ({ servers } = await startNatsCluster());
  });
  afterAll(() => Promise.all(servers.map((server) => server.dispose())));
  const optionsOf = (replicas: number) => ({
    servers: servers.map(({ port }) => `127.0.0.1:${port}`),
    stream: `push-${++logs}`,
    replicas,
  });

  it('looks for what a message id has stored before it tells of a conflict', async () => {
    const node = await startRecording(natsBackplane(optionsOf(3)), states);
    afterTest(() => node.backplane.close());
    const append = async (data: number, more: object = {}) => {
      const { epoch, sequence } = await node.backplane.append({ topic: 'state.a', data: `${data}`, ...more });
      return `${epoch}-${sequence}`;
    };
    const first = await append(1, { expect: 'none', messageId: 'first' });
    const second = await append(2, { expect: first, messageId: 'second' });
    const third = await append(3, { expect: second });
    expect(await append(1, { expect: 'none', messageId: 'first' })).toBe(first);
    expect(await append(2, { expect: first, messageId: 'second' })).toBe(second);
    const conflict = { code: 'CONFLICT', currentId: third };
    await expect(append(4, { expect: first, messageId: 'fourth' })).rejects.toMatchObject(conflict);
    const fourth = await append(4, { messageId: 'fourth' });
    expect(await append(4, { expect: first, messageId: 'fourth' })).toBe(fourth);
  });

  if (!isOld)
    describeBackplane(
      'natsBackplane({ servers, replicas: 3 })',
      () => {
        const options = optionsOf(3);
        return { node: () => natsBackplane(options) };
      },
      { state: true, ends: true },
    );
  else
    it('does not begin with finite topics on servers that may store two events after the same one', async () => {
      const backplane = natsBackplane({ ...optionsOf(3), publishTimeout: 2_000 });
      afterTest(() => backplane.close());
      const tail = new RecordingTail();
      backplane.start(tail, finiteRules());
      const append = backplane.append({ topic: 'run.a', data: '1' });
      await expect(append).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringMatching(/it has 3 replicas.* take 2\.9\.21 or later/) as string,
      });
      expect(tail.opened).toEqual([]);
      // One server decides alone.
      const single = await startRecording(natsBackplane(optionsOf(1)), finiteRules());
      afterTest(() => single.backplane.close());
      await single.backplane.append({ topic: 'run.a', data: '1' });
    });
});
