import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';

/** What a run was measured on. */
export function machine() {
  return {
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()}`,
    node: process.version,
    date: new Date().toISOString(),
  };
}

export type Machine = ReturnType<typeof machine>;
