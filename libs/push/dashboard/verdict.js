import { count, delay, duration, listed, plural, time } from './format.js';
import { meaningOfGap } from './codes.js';

/** A node that is further than this after the log lags, in events, unless more than that comes in five seconds. */
const smallLag = 100;
/** A loop that is late by more than this is busy, in milliseconds. */
const busyLoop = 200;
/** What counts as now, in milliseconds. */
const lately = 60_000;

/** How a node is: `{ level, word }`. */
export function stateOf(node, cluster) {
  const { health, draining, lag } = node.report;
  if (cluster.isGone(node))
    return draining ? { level: 'idle', word: 'left' } : { level: 'bad', word: 'gone' };
  if (cluster.isSilent(node)) return { level: 'warn', word: 'not heard' };
  if (health?.ready === false && !draining) return { level: 'bad', word: 'not delivering' };
  if (draining) return { level: 'warn', word: 'draining' };
  if (isLagging(lag, cluster)) return { level: 'warn', word: 'lagging' };
  if ((node.series.value('loop.p99') ?? 0) > busyLoop) return { level: 'warn', word: 'busy' };
  return { level: 'good', word: 'live' };
}

function isLagging(lag, cluster) {
  return typeof lag === 'number' && lag > Math.max(smallLag, 5 * (cluster.rate('published') ?? 0));
}

/** What an operator should know, worst first: `{ level, key, text, detail, section }`. */
export function findingsOf(cluster, feed) {
  const findings = [
    ...cluster.nodes.flatMap((node) => findingsOfNode(node, cluster)),
    ...findingsOfVersions(cluster),
    ...findingsOfDelivery(cluster),
    ...findingsOfFeed(feed),
  ];
  const levels = ['bad', 'warn', 'idle'];
  return findings.sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

function findingsOfNode(node, cluster) {
  const { level, word } = stateOf(node, cluster);
  if (level === 'good') return [];
  const { health, lag } = node.report;
  const says = {
    gone: [
      `Node ${node.name} is gone`,
      `It last reported at ${time(cluster.lastHeard(node))}, and had not said that it leaves.`,
    ],
    left: [
      `Node ${node.name} has left`,
      `It had drained, and last reported at ${time(cluster.lastHeard(node))}.`,
    ],
    'not heard': [
      `Node ${node.name} is not heard`,
      `What it reports does not arrive since ${time(cluster.lastHeard(node))}: the connection or the backplane is away.`,
    ],
    'not delivering': [`Node ${node.name} does not deliver`, health?.detail ?? ''],
    draining: [
      `Node ${node.name} is draining`,
      'It sends its clients to other nodes, and takes no new ones.',
    ],
    lagging: [`Node ${node.name} lags`, `${plural(lag, 'event')} of the log are not delivered by it yet.`],
    busy: [
      `Node ${node.name} is busy`,
      `Its event loop is late by up to ${delay(node.series.value('loop.p99'))}.`,
    ],
  };
  const [text, detail] = says[word];
  const isExpected = word === 'draining' || word === 'left';
  return [{ level: isExpected ? 'idle' : level, key: `node ${node.id}`, text, detail, section: 'nodes' }];
}

function findingsOfVersions(cluster) {
  const versions = [...new Set(cluster.present.map(({ report }) => report.version).filter(Boolean))].sort();
  if (versions.length < 2) return [];
  const text = `${count(versions.length)} versions of nestjs-push run: ${listed(versions)}`;
  const detail = 'During an update that is so for a while.';
  return [{ level: 'idle', key: 'versions', text, detail, section: 'nodes' }];
}

function findingsOfDelivery(cluster) {
  const findings = [];
  const say = (level, key, text, detail) => findings.push({ level, key, text, detail, section: 'overview' });
  const failed = [...cluster.growths('publish.failed', lately).values()][0];
  if (failed) say('bad', 'failed', `${plural(failed, 'publication')} failed in the last minute`, '');
  const gaps = cluster.growths('gaps.', lately);
  if (gaps.size > 0)
    say(
      'warn',
      'gaps',
      `Clients were told of ${plural(total(gaps), 'gap')} in the last minute`,
      [...gaps.keys()].map(meaningOfGap).filter(Boolean).join(' '),
    );
  const errors = cluster.growths('errors.', lately);
  if (errors.size > 0)
    say(
      'warn',
      'errors',
      `${plural(total(errors), 'error')} in the last minute`,
      `In: ${listed([...errors.keys()])}.`,
    );
  const refused = cluster.growths('refused.', lately);
  if (refused.size > 0)
    say(
      'idle',
      'refused',
      `${count(total(refused))} refused in the last minute`,
      listed([...refused].map(([code, times]) => `${code} ${count(times)}`)),
    );
  return findings;
}

function findingsOfFeed({ outages, gaps }) {
  const findings = [];
  const last = outages.at(-1);
  if (last && Date.now() - last.to < 10 * lately) {
    const text = `This page was not connected for ${duration(Math.max(1000, last.to - last.from))} until ${time(last.to)}`;
    const detail =
      'The charts are whole: the nodes had kept their figures. A tail misses what was published then.';
    findings.push({ level: 'idle', key: `outage ${last.to}`, text, detail, section: 'overview' });
  }
  if (gaps > 0) {
    const text = 'This page cannot keep up with what it looks at';
    findings.push({
      level: 'idle',
      key: 'page',
      text,
      detail: 'Look at less: a narrower tail.',
      section: 'tail',
    });
  }
  return findings;
}

const total = (counts) => [...counts.values()].reduce((sum, value) => sum + value, 0);

/** One sentence for all of it: `{ level, text }`. */
export function verdictOf(cluster, findings, feed) {
  if (feed.status === 'ended') return { level: 'bad', text: 'The login is over' };
  if (feed.status === 'away') return { level: 'unknown', text: 'Not connected' };
  if (cluster.present.length === 0) return { level: 'unknown', text: 'Waiting for a node to report' };
  const bad = findings.filter(({ level }) => level === 'bad').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  if (bad > 0) return { level: 'bad', text: `Delivery has ${plural(bad, 'problem')}` };
  if (warnings > 0) return { level: 'warn', text: `Delivery works, with ${plural(warnings, 'warning')}` };
  return { level: 'good', text: 'Delivery is healthy' };
}
