type Dispose = () => unknown;

const pending: Dispose[] = [];

/** Runs `dispose` after the test that is running, latest first. */
export function afterTest(dispose: Dispose): void {
  pending.push(dispose);
}

afterEach(async () => {
  for (let dispose = pending.pop(); dispose; dispose = pending.pop()) await dispose();
});
