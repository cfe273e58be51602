import { byId, element, mark, say } from './elements.js';
import { brief, bytes, count, delay, duration, plural, time, unknown } from './format.js';
import { sum } from './cluster.js';
import { showState, Table } from './table.js';
import { stateOf } from './verdict.js';

/** The nodes of the cluster: how each is, what it runs, and how far it is after the head of the log. */
export class Nodes {
  #cluster;
  #table;

  constructor(cluster, painter) {
    this.#cluster = cluster;
    this.#table = new Table(byId('nodes-table'), {
      caption: 'Nodes',
      columns: columnsFor(cluster),
      keyOf: ({ id }) => id,
      levelOf: (node) => {
        const { level } = stateOf(node, cluster);
        return level === 'good' ? null : level;
      },
      empty: 'No node has reported yet. Each one reports within two seconds of the page being live.',
      onSort: () => painter.request(),
    });
  }

  enter() {}

  paint() {
    const { nodes, present } = this.#cluster;
    this.#table.draw(nodes);
    const gone = nodes.length - present.length;
    const summary = [
      plural(present.length, 'node reports', 'nodes report'),
      ...(gone > 0 ? [`${plural(gone, 'node has', 'nodes have')} stopped within the last ten minutes`] : []),
    ];
    say(byId('nodes-summary'), `${summary.join('; ')}.`);
  }
}

function columnsFor(cluster) {
  const number = (title, read, show) => ({
    title,
    isNumber: true,
    text: (node) => (cluster.isGone(node) ? unknown : show(read(node))),
    sort: (node) => (cluster.isGone(node) ? undefined : read(node)),
  });
  return [
    { title: 'Node', isHeading: true, fill: showName, sort: ({ name }) => name },
    {
      title: 'State',
      isWide: true,
      fill: (cell, node) => fillState(cell, node, cluster),
      sort: (node) => ['bad', 'warn', 'idle', 'good'].indexOf(stateOf(node, cluster).level),
    },
    {
      ...number('Lag', ({ report }) => report.lag ?? undefined, count),
      fill: (cell, node) => fillLag(cell, node, cluster),
    },
    number('Connections', ({ series }) => series.value('connections'), count),
    number('Delivered/s', delivered, brief),
    number('CPU', cpu, (value) => (value === undefined ? unknown : `${brief(value)} %`)),
    number('Loop p99', ({ series }) => series.value('loop.p99'), delay),
    number('Memory', ({ series }) => series.value('rss'), bytes),
    { title: 'Version', isWide: true, fill: showVersions, sort: ({ report }) => report.version ?? '' },
    {
      title: 'Up',
      isNumber: true,
      text: (node) =>
        cluster.isGone(node) ? unknown : duration(Date.now() - node.local(node.report.started)),
      sort: (node) => Date.now() - node.local(node.report.started),
    },
  ];
}

function showName(cell, node) {
  if (!cell.firstChild)
    cell.append(
      element(
        'div',
        {},
        element('div', { class: 'whole-name' }),
        element('div', { class: 'soft mono whole-name' }),
        element('div', { class: 'soft plain' }),
      ),
    );
  const [name, id, role] = cell.firstChild.children;
  say(name, node.name);
  say(id, node.id);
  say(role, node.report.serving ? 'serves this page' : '');
}

function fillState(cell, node, cluster) {
  if (!cell.firstChild) cell.append(element('div', {}, element('div'), element('div', { class: 'soft' })));
  const [state, detail] = cell.firstChild.children;
  const { level, word } = stateOf(node, cluster);
  showState(state, level, word);
  const since = `since ${time(cluster.lastHeard(node))}, ${duration(Date.now() - cluster.lastHeard(node))}`;
  say(detail, cluster.isSilent(node) ? since : (node.report.health?.detail ?? ''));
}

function fillLag(cell, node, cluster) {
  const { lag } = node.report;
  if (!cell.firstChild) cell.append(element('span'));
  say(cell.firstChild, cluster.isGone(node) ? unknown : count(lag));
  mark(cell.firstChild, 'class', stateOf(node, cluster).word === 'lagging' ? 'warn' : null);
}

function showVersions(cell, { report }) {
  if (!cell.firstChild) cell.append(element('div', {}, element('div'), element('div', { class: 'soft' })));
  const [version, others] = cell.firstChild.children;
  say(version, report.version ?? unknown);
  say(
    others,
    [report.nest && `Nest ${report.nest}`, report.runtime && `Node ${bare(report.runtime)}`]
      .filter(Boolean)
      .join(', '),
  );
}

const bare = (version) => String(version).replace(/^v/, '');

function delivered({ series }) {
  const names = series.names('delivered.').filter((name) => !name.startsWith('delivered.rule.'));
  return names.length === 0 ? 0 : sum(names.map((name) => series.rate(name)));
}

/** In parts of a hundred of one core. */
function cpu({ series }) {
  const rate = series.rate('cpu');
  return rate === undefined ? undefined : rate / 10;
}
