import { rateBetween, span, step } from './series.js';
import { brief, delay } from './format.js';

/** The most lines in a chart: the others are one. */
const mostLines = 4;

const minute = 60_000;

const transports = (prefix) => (cluster) => namesBelow(cluster, prefix, (name) => !name.startsWith('rule.'));

/** Reads a counter as what it grows by in a second. */
const perSecond = (before, after, name) => rateBetween(before, after, name);
/** As how much it has grown. */
const grown = (before, after, name) => {
  const rate = rateBetween(before, after, name);
  return rate === undefined ? undefined : Math.round((rate * (after.at - before.at)) / 1000);
};
const gauge = (before, after, name) => after.figures[name];
/** Milliseconds of processor time in a second, as parts of a hundred of one core. */
const percent = (before, after, name) => {
  const rate = rateBetween(before, after, name);
  return rate === undefined ? undefined : rate / 10;
};

/**
 * The charts. `lines` gives the names of the figures that each line adds up; `read` reads one between two samples, of which
 * the first is `back` milliseconds before the second; `over` the nodes it is the `sum` or the largest (`max`); `least` is the
 * smallest top of the scale; `isNamed` says that lines have names that tell something, even when there is one.
 */
export const measures = [
  {
    id: 'delivered',
    title: 'Delivered',
    unit: 'events/s',
    lines: transports('delivered.'),
    read: perSecond,
    isNamed: true,
  },
  {
    id: 'published',
    title: 'Published',
    unit: 'events/s',
    lines: () => [
      ['stored', ['published']],
      ['ephemeral', ['ephemeral']],
    ],
    read: perSecond,
  },
  {
    id: 'connections',
    title: 'Connections',
    unit: 'now',
    lines: transports('connections.'),
    read: gauge,
    isNamed: true,
  },
  {
    id: 'lag',
    title: 'Largest lag',
    unit: 'events',
    lines: () => [['lag', ['lag']]],
    read: gauge,
    over: 'max',
    least: 10,
  },
  {
    id: 'refused',
    title: 'Refused',
    unit: 'in a minute',
    lines: (cluster) => namesBelow(cluster, 'refused.'),
    isNamed: true,
    read: grown,
    back: minute,
    least: 6,
  },
  {
    id: 'troubles',
    title: 'Gaps and errors',
    unit: 'in a minute',
    lines: (cluster) => [
      ['gaps', allBelow(cluster, 'gaps.')],
      ['errors', allBelow(cluster, 'errors.')],
      ['failed', ['publish.failed']],
    ],
    read: grown,
    back: minute,
    least: 6,
  },
  {
    id: 'loop',
    title: 'Loop delay',
    unit: 'worst node',
    lines: () => [['p99', ['loop.p99']]],
    read: gauge,
    over: 'max',
    format: delay,
    least: 20,
  },
  {
    id: 'cpu',
    title: 'CPU, busiest node',
    unit: '% of a core',
    lines: () => [['cpu', ['cpu']]],
    read: percent,
    over: 'max',
    least: 20,
  },
].map((measure) => ({ over: 'sum', back: step, format: brief, least: 1, ...measure }));

/**
 * A chart's lines over the last ten minutes: `{ label, values }` for each line, and `totals`, with `undefined` where nothing is
 * known.
 *
 * @param times on this page's clock, rising
 */
export function charted(measure, cluster, times) {
  const lines = measure
    .lines(cluster)
    .map(([label, names]) => ({ label, names, values: times.map(() => undefined) }));
  for (const node of cluster.nodes) {
    const local = times.map((time) => time - node.skew);
    node.series.between(local, measure.back, (index, before, after) => {
      for (const line of lines) {
        const value = valueOf(line.names, measure.read, before, after);
        if (value === undefined) continue;
        const known = line.values[index] ?? 0;
        line.values[index] = measure.over === 'max' ? Math.max(known, value) : known + value;
      }
    });
  }
  const totals = times.map((_, index) => {
    const known = lines.map(({ values }) => values[index]).filter((value) => value !== undefined);
    return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
  });
  return { lines, totals };
}

/** The times of a chart, ending a moment ago: the newest reports are on their way. */
export function chartTimes(now) {
  const last = Math.floor((now - 2_500) / step) * step;
  return Array.from({ length: span / step }, (_, index) => last - span + (index + 1) * step);
}

function valueOf(names, read, before, after) {
  let total;
  for (const name of names) {
    const value = read(before, after, name);
    if (value !== undefined) total = (total ?? 0) + value;
  }
  // A counter of nothing is missing from a sample: that is none.
  return total ?? (names.length === 0 ? 0 : undefined);
}

function allBelow(cluster, prefix) {
  return [...new Set(cluster.nodes.flatMap(({ series }) => series.names(prefix)))].sort();
}

function namesBelow(cluster, prefix, isMeant = () => true) {
  const labels = allBelow(cluster, prefix)
    .map((name) => name.slice(prefix.length))
    .filter(isMeant)
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const lines = labels.slice(0, mostLines).map((label) => [label, [prefix + label]]);
  if (labels.length > mostLines)
    lines.splice(mostLines - 1, 1, ['other', labels.slice(mostLines - 1).map((label) => prefix + label)]);
  // Without a name there is nothing to add up: the line is flat.
  return lines.length > 0 ? lines : [['none', []]];
}

/** The two transports of the library keep their colours, whatever others there are. */
function rank(label) {
  const at = ['websocket', 'sse'].indexOf(label);
  return at < 0 ? 2 : at;
}
