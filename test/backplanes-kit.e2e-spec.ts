import { describeBackplane } from 'nestjs-push/testing';
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
