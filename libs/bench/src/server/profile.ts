import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

const directory = process.env.BENCH_PROFILE;

/** Runs `use`; with `BENCH_PROFILE=<directory>`, writes a CPU profile of it there. */
export async function profiled<Result>(use: () => Promise<Result>): Promise<Result> {
  if (!directory) return use();
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 250 });
  await session.post('Profiler.start');
  try {
    return await use();
  } finally {
    const { profile } = await session.post('Profiler.stop');
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${directory}/${process.pid}-${Date.now()}.cpuprofile`, JSON.stringify(profile));
    session.disconnect();
  }
}
