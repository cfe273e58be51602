import { execFileSync } from 'node:child_process';

interface Measured {
  held: number;
  accounted: number;
  events: number;
}

describe('The memory of the window', () => {
  it.each([
    'small events of a few topics',
    'events of a topic each',
    'events of deep topics',
    'text beyond Latin-1',
    'topics that branch everywhere',
    'metadata',
    'metadata of many names',
  ])('is what it accounts for: %s', (name) => {
    const script = ['--expose-gc', 'test/support/window-memory.mjs', name];
    const output = execFileSync(process.execPath, script, { encoding: 'utf8', env: { NODE_OPTIONS: '' } });
    const { held, accounted, events } = JSON.parse(output) as Measured;
    expect(events).toBe(40_000);
    expect(held / accounted).toBeLessThan(1.25);
    expect(held / accounted).toBeGreaterThan(0.3);
  });
});
