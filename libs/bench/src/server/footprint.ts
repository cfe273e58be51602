import { readFileSync } from 'node:fs';
import type { Footprint } from './contract.js';

/** What other processes use. proc(5): CPU time in ticks of 10 ms, resident pages of 4 kB. */
export function footprintOf(pids: readonly number[]): Footprint {
  let cpu = 0;
  let rss = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    cpu += (Number(fields[11]) + Number(fields[12])) * 10_000;
    rss += Number(fields[21]) * 4_096;
  }
  return { cpu, rss };
}
