import { describeBackplane } from 'nestjs-push/testing';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileBackplane } from './support/file-backplane/file-backplane.js';

describeBackplane(
  'A backplane that was written with the kit, on a file',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'push-test-'));
    return {
      node: () => new FileBackplane(join(directory, 'log')),
      dispose: () => rm(directory, { recursive: true, force: true }),
    };
  },
  { state: true },
);

describe('The queue of appends', () => {
  it('leaves nothing that only a full garbage collection can free', () => {
    const script = ['--expose-gc', 'test/support/queued-garbage.mjs'];
    const growth = execFileSync(process.execPath, script, { encoding: 'utf8', env: { NODE_OPTIONS: '' } });
    // 51,200 events of some hundred bytes have passed through it.
    expect(Number(growth)).toBeLessThan(2_000_000);
  });
});
