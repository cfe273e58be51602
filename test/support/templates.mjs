import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Before all tests of a project: a folder for what is expensive to make and the same for every test, until the run ends. */
export default function makeTemplates() {
  if (process.env.PUSH_TEST_TEMPLATES) return;
  const folder = mkdtempSync(join(tmpdir(), 'push-templates-'));
  // Servers of Postgres do not run as root.
  chmodSync(folder, 0o777);
  process.env.PUSH_TEST_TEMPLATES = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}
