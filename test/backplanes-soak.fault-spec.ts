import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { soak } from './support/soak.js';

/** `npm run soak` sets both: minutes, and a seed to do it again. */
const minutes = Number(process.env.SOAK_MINUTES ?? 1);
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);

jest.setTimeout(minutes * 60_000 + 180_000);
Logger.overrideLogger(false);

describe('Three processes and their clients, hurt at random', () => {
  it('lose nothing unsaid, repeat nothing and keep the order', async () => {
    const lines: string[] = [];
    const say = (line: string) => {
      lines.push(line);
      if (minutes > 1) process.stdout.write(`${line}\n`);
    };
    try {
      const kinds = ['Redis', 'NATS', 'Postgres'] as const;
      const results = await Promise.allSettled(kinds.map((kind) => soak(kind, seed, minutes * 60_000, say)));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    } finally {
      console.log(lines.join('\n'));
    }
  });
});
