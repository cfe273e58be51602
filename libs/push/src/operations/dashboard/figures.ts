import { refusals } from '../../bus/debug-log.js';
import type { Counts } from '../../hub/counts.js';
import type { Observed } from '../observed.js';

/** How many rules have figures of their own. */
const mostRules = 20;

/** Numbers by name: counters since the node started, and gauges. */
export type Figures = Record<string, number>;

/** What a node shows of itself as numbers. There are never more than its rules, transports and kinds of errors. */
export function figuresOf(now: Observed, lag: number | undefined): Figures {
  const { stats, counts, delay } = now;
  return {
    connections: sumOf([...counts.transports.values()].map(({ connected }) => connected)),
    subscriptions: stats.subscriptions,
    audiences: stats.audiences,
    lagging: stats.lagging,
    handshakes: now.handshakes,
    waiting: now.turns,
    ...(lag !== undefined && { lag }),
    published: sumOf(counts.stored),
    ephemeral: sumOf(counts.ephemeral),
    'publish.failed': sumOf(counts.failed.values()),
    ...transportFigures(counts),
    ...refusalFigures(counts),
    ...named('gaps', counts.gaps),
    ...named('errors', now.errors),
    'window.events': stats.window.events,
    'window.bytes': stats.window.bytes,
    'window.topics': stats.window.topics,
    'history.reading': stats.history.reading,
    'history.waiting': stats.history.waiting,
    ...processFigures(),
    ...(delay && { 'loop.p99': delay.p99 * 1_000 }),
    ...ruleFigures(counts),
  };
}

function transportFigures({ transports }: Counts): Figures {
  const figures: Figures = { opened: 0, closed: 0 };
  for (const [name, { connected, opened, closed, events, written }] of transports) {
    figures[`connections.${name}`] = connected;
    figures[`delivered.${name}`] = sumOf(events);
    figures[`bytes.${name}`] = written;
    figures['opened']! += opened;
    figures['closed']! += sumOf(closed.values());
  }
  return figures;
}

/** Clients and messages that were refused, and connections that an error has ended, by its code. */
function refusalFigures({ transports }: Counts): Figures {
  const byCode = new Map<string, number>();
  const add = (key: string, count: number) => {
    const code = key.slice(key.lastIndexOf(' ') + 1);
    byCode.set(code, (byCode.get(code) ?? 0) + count);
  };
  for (const [key, count] of refusals) add(key, count);
  for (const { closed } of transports.values())
    for (const [key, count] of closed) if (key.includes(' ')) add(key, count);
  return named('refused', byCode);
}

function processFigures(): Figures {
  const { user, system } = process.cpuUsage();
  return { cpu: Math.round((user + system) / 1_000), rss: process.memoryUsage.rss() };
}

function ruleFigures({ rules, stored, ephemeral, transports }: Counts): Figures {
  const figures: Figures = {};
  for (const [index, pattern] of rules.slice(0, mostRules).entries()) {
    const published = stored[index]! + ephemeral[index]!;
    const delivered = sumOf([...transports.values()].map(({ events }) => events[index]!));
    if (published > 0) figures[`published.rule.${pattern}`] = published;
    if (delivered > 0) figures[`delivered.rule.${pattern}`] = delivered;
  }
  return figures;
}

function named(prefix: string, counts: ReadonlyMap<string, number>): Figures {
  return Object.fromEntries([...counts].map(([name, count]) => [`${prefix}.${name}`, count]));
}

function sumOf(numbers: Iterable<number>): number {
  let sum = 0;
  for (const each of numbers) sum += each;
  return sum;
}
