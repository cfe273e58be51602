/** In milliseconds: even a busy machine should be done by then. */
const deadline = 75_000;

/** A run of its own, with nothing shared with the others. */
export type Scenario = () => Promise<void>;

/** Runs scenarios at the same time, since most of what they do is waiting. Resolves with what failed. */
export async function together(scenarios: Readonly<Record<string, Scenario>>): Promise<string[]> {
  const failures = Object.entries(scenarios).map(async ([name, scenario]) => {
    try {
      await Promise.race([scenario(), late()]);
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).stack}`];
    }
  });
  return (await Promise.all(failures)).flat();
}

async function late(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, deadline).unref());
  throw new Error(`It is not over after ${deadline} ms.`);
}
