import { existsSync } from 'node:fs';

/** The broadcast server of `servers/uws.cpp`, if it was built, and `BENCH_UWS` says where it is. */
export function builtUws(): string | undefined {
  const file = process.env.BENCH_UWS;
  return file !== undefined && existsSync(file) ? file : undefined;
}
