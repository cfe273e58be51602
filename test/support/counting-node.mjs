import { Logger } from '@nestjs/common';
import { startRecording } from 'nestjs-push/testing';
import { backplaneAt } from './node-backplanes.mjs';

/* A node that increments counters by compare and set, each as fast as it can, until it is killed. It prints what was stored. */

Logger.overrideLogger(false);
const { kind, port, name, topics, rules } = JSON.parse(process.argv[2]);
const backplane = backplaneAt(kind, port, { publishTimeout: 60_000 });
const retention = {
  of: () => ({ events: 1, age: Infinity, state: { pattern: '>', tombstones: 3_600_000 } }),
  largest: rules,
  state: { rules: [], among: () => 'all', bytes: Infinity },
};
const { tail } = await startRecording(backplane, retention);
let attempts = 0;

/** The event of an id: as it was delivered, or as the history has it, where it is older than this node. */
async function eventOf(topic, id) {
  const sequence = Number(id.slice(id.lastIndexOf('-') + 1));
  for (;;) {
    await tail.until((each) => each.sequence >= sequence, 60_000);
    const delivered = tail.events.findLast((event) => event.id === id);
    if (delivered) return JSON.parse(delivered.data);
    const through = tail.sequence;
    const page = await backplane.history
      .page({ topics: [topic], after: 0, through, limit: 10 })
      .catch(() => undefined);
    const newest = page?.events.at(-1);
    if (newest) return JSON.parse(newest.data);
  }
}

async function count(topic) {
  let [value, expect] = [0, 'none'];
  for (;;) {
    const attempt = `${name}-${++attempts}`;
    const data = JSON.stringify({ value: value + 1, attempt });
    try {
      const { epoch, sequence } = await backplane.append({ topic, data, expect });
      [value, expect] = [value + 1, `${epoch}-${sequence}`];
      process.stdout.write(`${JSON.stringify({ stored: attempt, topic, value })}\n`);
    } catch (error) {
      if (error.code !== 'CONFLICT' || !error.currentId) throw error;
      const current = await eventOf(topic, error.currentId);
      if (current.attempt === attempt) throw new Error(`${attempt} conflicts with itself`, { cause: error });
      [value, expect] = [current.value, error.currentId];
    }
    tail.events.splice(0, tail.events.length - 1_000);
  }
}

try {
  await Promise.all(topics.map(count));
} catch (error) {
  process.stdout.write(`${JSON.stringify({ failed: String(error.stack) })}\n`);
  process.exit(1);
}
