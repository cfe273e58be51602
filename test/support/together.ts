/** In milliseconds: even a busy machine should be done by then. */
const deadline = 100_000;

/** A run of its own, with nothing shared with the others. */
export type Scenario = () => Promise<void>;

/** Scenarios by what they say. */
export type Scenarios = Readonly<Record<string, Scenario>>;

/** Runs groups of scenarios at the same time, those of a group one after the other. Resolves with what failed. */
export async function together(...groups: readonly Scenarios[]): Promise<string[]> {
  const failures = groups.map(async (scenarios) => {
    const failed: string[] = [];
    for (const [name, scenario] of Object.entries(scenarios)) {
      try {
        await Promise.race([scenario(), late()]);
      } catch (error) {
        failed.push(`${name}: ${(error as Error).stack}`);
      }
    }
    return failed;
  });
  return (await Promise.all(failures)).flat();
}

async function late(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, deadline).unref());
  throw new Error(`It is not over after ${deadline} ms.`);
}
