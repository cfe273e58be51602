import { addressOf, fragment, replaceAddress } from './address.js';
import { showError } from './connections.js';
import { byId, element, mark, say } from './elements.js';
import { bytes, count, plural, unknown } from './format.js';
import { Table } from './table.js';
import { TopicDetails } from './topic.js';

/** The topics that are known, and one of them in detail. */
export class Topics {
  #look;
  #painter;
  #answer;
  #form = byId('topics-form');
  #details;
  #table;
  #topic = '';

  constructor(look, painter) {
    this.#look = look;
    this.#painter = painter;
    this.#details = new TopicDetails(() => this.#close());
    this.#table = new Table(byId('topics-table'), {
      caption: 'Topics',
      columns: [
        {
          title: 'Topic',
          isHeading: true,
          fill: (cell, row) => this.#showLink(cell, row),
          sort: ({ topic }) => topic,
        },
        {
          title: 'Events',
          isNumber: true,
          text: ({ events }) => count(events),
          sort: ({ events }) => events,
        },
        { title: 'Bytes', isNumber: true, text: (row) => bytes(row.bytes), sort: (row) => row.bytes },
        { title: 'Rule', text: ({ rule }) => rule ?? unknown, sort: ({ rule }) => rule ?? '' },
      ],
      keyOf: ({ topic }) => topic,
      empty: '',
      onSort: () => painter.request(),
    });
    this.#form.addEventListener('input', () => this.#filter());
    this.#form.addEventListener('reset', () => setTimeout(() => this.#filter()));
    this.#form.addEventListener('submit', (event) => this.#submit(event));
  }

  enter(params) {
    this.#form.elements.pattern.value = params.get('pattern') ?? '';
    const topic = params.get('topic') ?? '';
    const isNew = topic !== this.#topic;
    this.#topic = topic;
    this.#details.show(topic);
    mark(byId('topics-pair'), 'class', topic ? 'pair two' : 'pair');
    this.#lookAt();
    return topic && isNew ? byId('topic-title') : undefined;
  }

  leave() {
    this.#topic = '';
    this.#look.at('topics', undefined);
    this.#look.at('topic', undefined);
  }

  event(type, data) {
    if (!this.#look.isCurrent(data)) return;
    if (type === 'topics') this.#answer = data;
    else if (type === 'topic' && data.topic === this.#topic) this.#details.take(data);
  }

  paint() {
    const answer = this.#answer;
    this.#table.draw(answer?.list ?? [], this.#emptiness());
    this.#details.paint();
    say(byId('topics-summary'), answer ? summaryOf(answer, this.#pattern) : '');
    showError(byId('topics-error'), this.#look.refusal);
  }

  get #pattern() {
    return this.#form.elements.pattern.value.trim();
  }

  #filter() {
    if (addressOf().section === 'topics') replaceAddress('topics', this.#params());
    this.#answer = undefined;
    this.#lookAt();
    this.#painter.request();
  }

  #params(more = {}) {
    return { pattern: this.#pattern, topic: this.#topic, ...more };
  }

  #lookAt() {
    this.#look.at('topics', this.#pattern ? { pattern: this.#pattern } : {});
    this.#look.at('topic', this.#topic || undefined);
  }

  /** A topic that is not listed can be looked at by its name. */
  #submit(event) {
    event.preventDefault();
    if (this.#pattern && !/[*>\s]/.test(this.#pattern))
      location.hash = fragment('topics', this.#params({ topic: this.#pattern }));
  }

  #showLink(cell, { topic }) {
    if (!cell.firstChild) cell.append(element('a', { class: 'mono' }, topic));
    mark(cell.firstChild, 'href', fragment('topics', this.#params({ topic })));
    mark(cell.firstChild, 'aria-current', topic === this.#topic ? 'true' : null);
    mark(cell.parentElement, 'class', topic === this.#topic ? 'chosen' : null);
  }

  #close() {
    const { activeElement } = document;
    const link = [...byId('topics-table').querySelectorAll('a')].find(
      (link) => link.textContent === this.#topic,
    );
    location.hash = fragment('topics', this.#params({ topic: '' }));
    if (byId('topic').contains(activeElement)) (link ?? this.#form.elements.pattern).focus();
  }

  #emptiness() {
    if (!this.#answer) return 'Looking …';
    return this.#pattern
      ? 'No known topic matches. “Look at it” shows a topic by its whole name.'
      : 'No topic has events yet. Publish one, and it is here within two seconds.';
  }
}

/** Without a pattern, all match but those that push has for itself. */
function summaryOf({ total, matched, list }, pattern) {
  const found = pattern ? `${count(matched)} of ${plural(total, 'topic')}` : plural(matched, 'topic');
  return list.length < matched ? `${found}; the first ${count(list.length)} are shown.` : `${found}.`;
}
