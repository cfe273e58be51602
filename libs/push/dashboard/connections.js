import { addressOf, fragment, replaceAddress } from './address.js';
import { Answers } from './answers.js';
import { byId, element, keep, mark, say } from './elements.js';
import { count, duration, plural, time, unknown } from './format.js';
import { showFacts } from './overview.js';
import { showState, Table } from './table.js';

/** The most rows that are drawn. */
const mostRows = 200;
/** The topics that a row shows; the others are below it. */
const fewTopics = 3;

const fields = ['user', 'topic', 'transport', 'address'];

/** The connections of all nodes that match a filter. */
export class Connections {
  #cluster;
  #look;
  #painter;
  #answers;
  #form = byId('connections-form');
  #table;

  constructor(cluster, look, painter) {
    this.#cluster = cluster;
    this.#answers = new Answers(cluster);
    this.#look = look;
    this.#painter = painter;
    this.#table = new Table(byId('connections-table'), {
      caption: 'Connections',
      columns: columnsFor(this.#cluster, (row) => this.#toggle(row)),
      keyOf: ({ key }) => key,
      levelOf: ({ state }) => (state === 'lagging' ? 'warn' : null),
      empty: '',
      details: (cell, row) => showDetails(cell, row, this.#cluster),
      onSort: () => painter.request(),
    });
    this.#form.addEventListener('input', () => this.#filter());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    this.#form.addEventListener('reset', () => setTimeout(() => this.#filter()));
  }

  enter(params) {
    for (const name of fields) this.#set(name, params.get(name) ?? '');
    this.#lookAt(this.#filters());
  }

  leave() {
    this.#look.at('connections', undefined);
  }

  event(type, data) {
    if (type === 'connections' && this.#look.isCurrent(data)) this.#answers.take(data);
  }

  paint() {
    this.#offerTransports();
    const rows = this.#answers.all.flatMap(({ node, list }) =>
      list.map((row) => ({ ...row, node, key: `${node} ${row.connection}` })),
    );
    const shown = rows.slice(0, mostRows);
    this.#forgetClosed(rows);
    this.#table.draw(shown, this.#emptiness());
    for (const row of shown) this.#markOpen(row);
    say(byId('connections-summary'), this.#summary(rows.length));
    showError(byId('connections-error'), this.#look.refusal);
  }

  #filters() {
    const given = fields.map((name) => [name, this.#form.elements[name].value.trim()]);
    return Object.fromEntries(given.filter(([, value]) => value));
  }

  #filter() {
    const filters = this.#filters();
    if (addressOf().section === 'connections') replaceAddress('connections', filters);
    this.#lookAt(filters);
  }

  #lookAt(filters) {
    this.#answers.clear();
    this.#look.at('connections', filters);
    this.#painter.request();
  }

  #set(name, value) {
    const field = this.#form.elements[name];
    // A transport that is not known yet may be filtered by all the same.
    if (name === 'transport' && value && ![...field.options].some((option) => option.value === value))
      field.append(element('option', { value }, value));
    field.value = value;
  }

  #offerTransports() {
    const select = byId('transports');
    const known = new Set([...select.options].map(({ value }) => value));
    const names = this.#cluster.present.flatMap(({ series }) => series.names('connections.'));
    for (const name of new Set(names)) {
      const value = name.slice('connections.'.length);
      if (!known.has(value) && known.size < 30) select.append(element('option', { value }, value));
    }
  }

  #toggle(key) {
    const { open } = this.#table;
    if (!open.delete(key)) open.add(key);
    this.#painter.now();
  }

  #markOpen({ key }) {
    const button = byId('connections-table').querySelector(`[data-toggles="${CSS.escape(key)}"]`);
    if (button) mark(button, 'aria-expanded', this.#table.open.has(key));
  }

  #forgetClosed(rows) {
    const known = new Set(rows.map(({ key }) => key));
    for (const key of this.#table.open) if (!known.has(key)) this.#table.open.delete(key);
  }

  #emptiness() {
    if (this.#answers.all.length === 0) return 'Looking …';
    return Object.keys(this.#filters()).length > 0
      ? 'No connection matches. A topic is matched by the patterns that cover it, too.'
      : 'No client is connected. Connect one to /push, and it is here within two seconds.';
  }

  #summary(rows) {
    if (this.#answers.all.length === 0) return '';
    const total = this.#answers.sum('total');
    const matched = this.#answers.sum('matched');
    const shown = Math.min(rows, mostRows);
    const found =
      matched === total ? plural(total, 'connection') : `${count(matched)} of ${plural(total, 'connection')}`;
    return shown < matched
      ? `${found}; the first ${count(shown)} are shown. Filter to see others.`
      : `${found}.`;
  }
}

function columnsFor(cluster, toggle) {
  return [
    { title: 'Connection', isHeading: true, fill: (cell, row) => showButton(cell, row, toggle) },
    { title: 'User', fill: showUser, sort: ({ user }) => user ?? '' },
    {
      title: 'State',
      fill: (cell, { state }) => showState(cell, levelOf(state), state ?? unknown),
      sort: ({ state }) => state,
    },
    { title: 'Lag', isNumber: true, text: ({ lag }) => count(lag), sort: ({ lag }) => lag },
    { title: 'Topics', isWide: true, fill: (cell, row) => showTopics(cell, row, fewTopics) },
    { title: 'Transport', text: ({ transport }) => transport ?? unknown, sort: ({ transport }) => transport },
    { title: 'Address', text: ({ address }) => address ?? unknown, sort: ({ address }) => address ?? '' },
    { title: 'Node', text: ({ node }) => cluster.nameOf(node), sort: ({ node }) => cluster.nameOf(node) },
    {
      title: 'For',
      isNumber: true,
      text: ({ since, node }) => duration(age(since, node, cluster)),
      sort: ({ since, node }) => age(since, node, cluster),
    },
  ];
}

const levelOf = (state) => ({ live: 'good', lagging: 'warn' })[state] ?? 'idle';

function age(since, node, cluster) {
  return Date.now() - (cluster.node(node)?.local(since) ?? since);
}

function showButton(cell, { connection, key }, toggle) {
  if (!cell.firstChild) {
    const button = element('button', {
      type: 'button',
      class: 'unfold',
      'data-toggles': key,
      'aria-expanded': 'false',
    });
    button.addEventListener('click', () => toggle(key));
    cell.append(button);
  }
  say(cell.firstChild, String(connection).slice(0, 10));
}

function showUser(cell, { user }) {
  if (!cell.firstChild) cell.append(element('span'));
  say(cell.firstChild, user ?? 'anonymous');
  mark(cell.firstChild, 'class', user === null || user === undefined ? 'soft' : null);
}

function showTopics(cell, { topics = [], topicCount = topics.length }, most) {
  if (!cell.firstChild) cell.append(element('ul', { class: 'tags' }));
  const shown = topics.slice(0, most).map((topic) => ({ key: `topic ${topic}`, topic }));
  const rest = topicCount - shown.length;
  if (rest > 0) shown.push({ key: 'rest', rest });
  keep(cell.firstChild, shown, ({ key }) => key, makeTag, updateTag);
}

function makeTag({ topic }) {
  if (topic === undefined) return element('li', { class: 'soft' });
  const href = /[*>]/.test(topic) ? fragment('topics', { pattern: topic }) : fragment('topics', { topic });
  return element('li', {}, element('a', { href }, topic));
}

function updateTag(item, { rest }) {
  if (rest !== undefined) say(item, `${count(rest)} more`);
}

function showDetails(cell, row, cluster) {
  if (!cell.firstChild) cell.append(element('dl', { class: 'facts' }), element('div'));
  const [facts, topics] = cell.children;
  showFacts(facts, [
    ['Connection', row.connection],
    ['Since', time(cluster.node(row.node)?.local(row.since) ?? row.since)],
    ['Position in the log', row.position ?? unknown],
    ['Lag', plural(row.lag ?? 0, 'event')],
    ['Topics', count(row.topicCount ?? row.topics?.length)],
  ]);
  showTopics(topics, row, 20);
}

/** Shows what was refused, or hides where it would be. */
export function showError(place, message) {
  if (place.hidden !== !message) place.hidden = !message;
  say(place, message);
}
