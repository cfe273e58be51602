import { Chart } from './chart.js';
import { sum } from './cluster.js';
import { meaningOfError, meaningOfGap, meaningOfRefusal } from './codes.js';
import { byId, element, keep, mark, say } from './elements.js';
import { FiguresTable } from './figures-table.js';
import { brief, bytes, count, plural, time } from './format.js';
import { charted, chartTimes, measures } from './measures.js';
import { span } from './series.js';
import { Table } from './table.js';

/** Charts have a point for five seconds: to draw them once a second is enough. */
const chartInterval = 1_000;

const counted = (caption, columns, empty, keyOf) => ({ caption, columns, empty, keyOf });
const often = (title, text, sort) => ({ title, text, sort, isNumber: true });

/** Is delivery healthy, and if not, why: findings, charts, and what was refused. */
export class Overview {
  #cluster;
  #painter;
  #charts = measures.map((measure) => ({ measure, chart: new Chart(measure) }));
  #figures = new FiguresTable(byId('figures'), byId('figures-table'));
  #cursor;
  #lastCharts = -Infinity;
  #refused;
  #troubles;
  #rules;

  constructor(cluster, painter) {
    this.#cluster = cluster;
    this.#painter = painter;
    byId('charts').append(...this.#charts.map(({ chart }) => chart.element));
    for (const { chart } of this.#charts) this.#followPointer(chart.plot);
    byId('figures').addEventListener('toggle', () => this.#drawCharts());
    this.#makeTables();
  }

  enter() {
    this.#lastCharts = -Infinity;
  }

  paint({ findings, verdict }) {
    mark(byId('verdict'), 'data-level', verdict.level);
    say(byId('verdict-title'), verdict.text);
    say(byId('verdict-detail'), this.#sentence());
    keep(byId('findings'), findings.slice(0, 12), ({ key }) => key, makeFinding, updateFinding);
    if (performance.now() - this.#lastCharts >= chartInterval) this.#drawCharts();
    this.#paintTables();
    this.#paintMemory();
  }

  /** What happens, in words. */
  #sentence() {
    const nodes = this.#cluster.present.length;
    if (nodes === 0) return '';
    const connections = plural(Math.round(this.#cluster.value('connections') ?? 0), 'connection');
    const published = (this.#cluster.rate('published') ?? 0) + (this.#cluster.rate('ephemeral') ?? 0);
    return `${plural(nodes, 'node')} with ${connections}, ${brief(published)} events published in a second.`;
  }

  #drawCharts() {
    this.#lastCharts = performance.now();
    const times = chartTimes(Date.now());
    const data = this.#charts.map(({ measure }) => charted(measure, this.#cluster, times));
    for (const [index, { chart }] of this.#charts.entries()) chart.draw(data[index], this.#cursor);
    this.#figures.draw(times, data);
    say(byId('cursor-time'), this.#cursor === undefined ? '' : `at ${time(times[this.#cursor])}`);
  }

  /** All charts show the time that the pointer is at in one of them. */
  #followPointer(plot) {
    const point = (cursor) => {
      if (cursor === this.#cursor) return;
      this.#cursor = cursor;
      this.#drawCharts();
    };
    plot.addEventListener('pointermove', ({ clientX }) => {
      const { left, width } = plot.getBoundingClientRect();
      const part = Math.min(1, Math.max(0, (clientX - left) / width));
      const points = chartTimes(0).length;
      point(Math.round(part * (points - 1)));
    });
    plot.addEventListener('pointerleave', () => point(undefined));
  }

  #makeTables() {
    const redraw = () => this.#painter.request();
    const key = ({ name }) => name;
    const heading = (title) => ({ title, text: key, isHeading: true });
    const meaning = { title: 'Meaning', text: ({ meaning }) => meaning, isWide: true };
    const inMinute = often(
      'Last minute',
      ({ minute }) => count(minute),
      ({ minute }) => minute,
    );
    const inAll = often(
      'Ten minutes',
      ({ all }) => count(all),
      ({ all }) => all,
    );
    const make = (id, description) => new Table(byId(id), { ...description, onSort: redraw });
    this.#refused = make(
      'refused-table',
      counted(
        'What was refused, by code',
        [heading('Code'), meaning, inMinute, inAll],
        'No client and no message was refused in the last ten minutes.',
        key,
      ),
    );
    this.#troubles = make(
      'troubles-table',
      counted(
        'Gaps that clients were told of, and errors',
        [heading('What'), meaning, inMinute, inAll],
        'No client missed an event, and nothing failed, in the last ten minutes.',
        key,
      ),
    );
    this.#rules = make(
      'rules-table',
      counted(
        'Events by the rule of their topic, in a second',
        [
          heading('Rule'),
          often(
            'Published',
            ({ published }) => brief(published),
            ({ published }) => published,
          ),
          often(
            'Delivered',
            ({ delivered }) => brief(delivered),
            ({ delivered }) => delivered,
          ),
        ],
        'No rule has figures yet.',
        key,
      ),
    );
  }

  #paintTables() {
    this.#refused.draw(this.#grown('refused.', '', meaningOfRefusal));
    this.#troubles.draw([
      ...this.#grown(
        'publish.failed',
        'failed publications',
        () => 'The application was told: its log has the errors.',
      ),
      ...this.#grown('gaps.', 'gap: ', meaningOfGap),
      ...this.#grown('errors.', 'error: ', meaningOfError),
    ]);
    this.#rules.draw(this.#byRule());
  }

  #grown(prefix, title, meaningOf) {
    const minute = this.#cluster.growths(prefix, 60_000);
    const rows = [...this.#cluster.growths(prefix, span)];
    return rows.slice(0, 30).map(([key, all]) => ({
      name: title + key,
      meaning: meaningOf(key),
      minute: minute.get(key) ?? 0,
      all,
    }));
  }

  #byRule() {
    const prefix = 'published.rule.';
    const names = new Set(this.#cluster.present.flatMap(({ series }) => series.names(prefix)));
    return [...names].map((name) => {
      const rule = name.slice(prefix.length);
      const published = this.#cluster.rate(name) ?? 0;
      return { name: rule, published, delivered: this.#cluster.rate(`delivered.rule.${rule}`) ?? 0 };
    });
  }

  #sent() {
    const names = new Set(this.#cluster.present.flatMap(({ series }) => series.names('bytes.')));
    return sum([...names].map((name) => this.#cluster.rate(name)));
  }

  #paintMemory() {
    const value = (name) => this.#cluster.value(name);
    const facts = [
      ['Subscriptions', count(value('subscriptions'))],
      ['Different sets of topics', count(value('audiences'))],
      ['Clients that catch up', count(value('lagging'))],
      ['Handshakes that wait', count(value('handshakes'))],
      ['Clients and messages that wait', count(value('waiting'))],
      [
        'Pages of history, read and waiting',
        `${count(value('history.reading'))} and ${count(value('history.waiting'))}`,
      ],
      ['Sent to clients in a second', bytes(this.#sent())],
      ['Events in memory', `${count(value('window.events'))}, ${bytes(value('window.bytes'))}`],
      ['Memory of the processes', bytes(value('rss'))],
    ];
    showFacts(byId('memory'), facts);
  }
}

/** Names and values in a list of descriptions. */
export function showFacts(list, facts) {
  const parts = facts.flatMap(([name, value]) => [
    { key: `name ${name}`, tag: 'dt', text: name },
    { key: `value ${name}`, tag: 'dd', text: value },
  ]);
  keep(
    list,
    parts,
    ({ key }) => key,
    ({ tag }) => element(tag),
    (part, { text }) => say(part, text),
  );
}

function makeFinding() {
  const text = element('a');
  const detail = element('small');
  return element('li', {}, element('span', { class: 'dot' }), element('div', {}, text, detail));
}

function updateFinding(item, { level, text, detail, section }) {
  mark(item, 'data-level', level);
  const [link, small] = item.lastChild.children;
  say(link, text);
  mark(link, 'href', section === 'overview' ? null : `#${section}`);
  say(small, detail);
}
