import { post } from './api.js';
import { fragment } from './address.js';
import { showError } from './connections.js';
import { byId, element, say } from './elements.js';
import { cut, time } from './format.js';
import { Table } from './table.js';

/** The most events of its own that the page remembers. */
const mostPublished = 20;

/** Publishes one event, as the application does. */
export class Publish {
  #form = byId('publish-form');
  #painter;
  #loginOver;
  #published = [];
  #table;
  #isSending = false;

  /** @param loginOver called when the server does not know the operator any more */
  constructor(painter, loginOver) {
    this.#painter = painter;
    this.#loginOver = loginOver;
    this.#table = new Table(byId('published-table'), {
      caption: 'Events published from this page, newest first',
      columns: [
        { title: 'Time', isHeading: true, text: ({ at }) => time(at) },
        { title: 'Topic', fill: showTopic },
        { title: 'Id', text: ({ id }) => id },
        { title: 'Data', isWide: true, text: ({ data }) => cut(data, 120) },
      ],
      keyOf: ({ key }) => key,
      empty: 'Nothing yet. What you publish is listed here with the id that it got.',
    });
    this.#form.addEventListener('submit', (event) => this.#submit(event));
    this.#form.addEventListener('input', () => this.#check());
    this.#form.addEventListener('keydown', (event) => this.#shortcut(event));
    byId('publish-format').addEventListener('click', () => this.#format());
  }

  enter(params) {
    const topic = params.get('topic');
    if (topic) this.#form.elements.topic.value = topic;
  }

  paint() {
    this.#table.draw(this.#published);
  }

  get #field() {
    return this.#form.elements.data;
  }

  /** The data, or `undefined` if it is no JSON. */
  #check() {
    const text = this.#field.value.trim();
    let problem = '';
    let parsed;
    try {
      if (text) parsed = { data: JSON.parse(text) };
    } catch (error) {
      problem = `That is no JSON: ${error.message}. A text stands in quotation marks: "Hello".`;
    }
    showError(byId('publish-problem'), problem);
    if (problem) this.#field.setAttribute('aria-invalid', 'true');
    else this.#field.removeAttribute('aria-invalid');
    return parsed;
  }

  #format() {
    const parsed = this.#check();
    if (parsed) this.#field.value = JSON.stringify(parsed.data, null, 2);
  }

  #shortcut(event) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    const parsed = this.#check();
    if (!parsed) return this.#field.focus();
    if (this.#isSending) return;
    this.#isSending = true;
    const { topic, type } = this.#form.elements;
    this.#send({
      topic: topic.value.trim(),
      data: parsed.data,
      ...(type.value.trim() && { type: type.value.trim() }),
    }).catch(reportError);
  }

  async #send(event) {
    const result = byId('publish-result');
    result.className = 'wide soft';
    say(result, 'Publishing …');
    try {
      const { id } = await post('publish', event);
      this.#remember(event, id);
      result.className = 'wide';
      say(result, `Published to ${event.topic} with the id ${id}.`);
    } catch (error) {
      result.className = 'wide error';
      say(result, `Not published. ${error.code ? `${error.code}: ` : ''}${error.message}`);
      if (error.status === 401) this.#loginOver();
    } finally {
      this.#isSending = false;
    }
  }

  #remember({ topic, data }, id) {
    const row = {
      key: `${id} ${performance.now()}`,
      at: Date.now(),
      topic,
      id: String(id),
      data: JSON.stringify(data),
    };
    this.#published = [row, ...this.#published].slice(0, mostPublished);
    this.#painter.request();
  }
}

function showTopic(cell, { topic }) {
  if (!cell.firstChild)
    cell.append(element('a', { class: 'mono', href: fragment('topics', { topic }) }, topic));
}
