import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { BenchServer } from '../server/contract.js';
import { footprintOf } from '../server/footprint.js';
import { builtUws } from '../server/uws-program.js';

/* A broadcast server in C++, on the core of this process: see uws.cpp. It publishes itself, when it is told a rate. */

export async function start(): Promise<BenchServer> {
  const program = spawn(builtUws()!, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  process.once('exit', () => program.kill());
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const number = async () => Number((await lines.next()).value);
  return {
    port: await number(),
    footprint: () => footprintOf([program.pid!]),
    publish: () => {
      throw new Error('It publishes at a rate only.');
    },
    rate: ({ perSecond, milliseconds }) => {
      program.stdin.write(`${perSecond} ${milliseconds}\n`);
      return number();
    },
  };
}
