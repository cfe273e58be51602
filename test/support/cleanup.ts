type Dispose = () => unknown;

const pending: Dispose[] = [];

/** Runs `dispose` after the test that is running, latest first. */
export function afterTest(dispose: Dispose): void {
  pending.push(dispose);
}

/** Does it now: for tests that begin again and again. */
export async function cleanUp(): Promise<void> {
  for (let dispose = pending.pop(); dispose; dispose = pending.pop()) await dispose();
}

afterEach(cleanUp);
