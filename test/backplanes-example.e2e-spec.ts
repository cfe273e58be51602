import { describeBackplane } from 'nestjs-push/testing';
import { readFile } from 'node:fs/promises';
import { ExampleBackplane, ExampleLog } from './support/example-backplane.js';

describeBackplane(
  'The example of the documentation',
  () => {
    const log = new ExampleLog();
    return { node: () => new ExampleBackplane(log) };
  },
  { history: false, oneTimeStore: false },
);

it('is what the documentation shows', async () => {
  const page = await readFile('libs/push/docs/backplanes.md', 'utf8');
  const code = await readFile('test/support/example-backplane.ts', 'utf8');
  expect(page).toContain(`\`\`\`ts\n${code}\`\`\``);
});
