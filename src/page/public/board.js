import { historyOf } from './client/history.js';
import { explain } from './strip.js';

/** How many entries the page keeps. */
const maxEntries = 400;
/** How many events of each topic a page begins with, and how many earlier notes it loads at once. */
const pageSize = 50;
const notes = 'board.notes';
const hint = 'Enter sends, Shift + Enter breaks the line.';
const away = 'The server is away. The note is sent as soon as it is back.';

/** Shows the events of the board, and publishes the notes that are written here. */
export function showBoard(push, author) {
  const board = new Board(document.querySelector('.notes'), author);
  push.on('board.>', (_, event) => board.add(event), { from: `last:${pageSize}` });
  push.onGap((gap) => gap.reset || board.mark(gap));
  new Composer(document.getElementById('composer'), author, push).listen();
}

export function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Returns the same colour for a name in every browser. */
export function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

function isNote(data) {
  return typeof data?.author === 'string' && typeof data.text === 'string';
}

class Board {
  #container;
  #list;
  #author;
  #earlier;
  #history = historyOf('/push');
  /** The id of the first note that is shown. */
  #oldest;
  #notes = 0;

  constructor(container, author) {
    this.#container = container;
    this.#list = container.querySelector('ol');
    this.#author = author;
    this.#earlier = container.querySelector('.earlier');
    this.#earlier.addEventListener('click', () => void this.#loadEarlier());
  }

  add(event) {
    if (event.topic === notes) {
      this.#oldest ??= event.id;
      if (++this.#notes === pageSize) this.#earlier.hidden = false;
    }
    this.#append(this.#entry(event));
  }

  /** Puts a page of earlier notes before the others, which stay where the reader sees them. */
  async #loadEarlier() {
    this.#earlier.disabled = true;
    try {
      const { events, before } = await this.#history(notes, { before: this.#oldest, limit: pageSize });
      const { scrollHeight, scrollTop } = this.#container;
      this.#list.prepend(...events.map((event) => this.#entry(event)));
      this.#container.scrollTop = scrollTop + this.#container.scrollHeight - scrollHeight;
      this.#oldest = events[0]?.id ?? this.#oldest;
      this.#earlier.hidden = before === undefined;
    } catch ({ message }) {
      this.#earlier.title = message;
    } finally {
      this.#earlier.disabled = false;
    }
  }

  #entry({ topic, id, type, data }) {
    const entry = isNote(data) ? this.#note(data) : this.#other(topic, type, data);
    if (id) entry.dataset.id = id;
    return entry;
  }

  /** Marks the entries before a gap, since the server may no longer have them. They stay readable. */
  mark(notice) {
    if (notice.reason !== 'evicted' && notice.reason !== 'slow') {
      for (const entry of this.#list.children) entry.classList.add('past');
    }
    this.#append(element('li', 'gap', `Something may be missing here: ${explain(notice)}.`));
  }

  #append(entry) {
    const { scrollHeight, scrollTop, clientHeight } = this.#container;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
    this.#container.querySelector('.empty')?.remove();
    this.#list.append(entry);
    while (this.#list.children.length > maxEntries) this.#list.firstElementChild.remove();
    if (isAtEnd) this.#container.scrollTop = this.#container.scrollHeight;
  }

  #note({ author, text, at }) {
    const entry = element('li', author === this.#author.name ? 'note own' : 'note', '');
    entry.style.setProperty('--hue', hueOf(author));
    const initial = element('span', 'initial', [...author][0]?.toUpperCase() ?? '?');
    initial.ariaHidden = 'true';
    const heading = element('p', 'heading', '');
    heading.append(element('b', 'author', author), ' ', this.#time(at));
    entry.append(initial, heading, element('p', 'body', text));
    return entry;
  }

  /** An entry for an event that is not a note. */
  #other(topic, type, data) {
    const entry = element('li', 'event', '');
    const heading = element('p', 'heading', '');
    heading.append(element('code', 'topic', topic), ' ');
    if (type) heading.append(element('code', 'type', type));
    const body =
      typeof data === 'string'
        ? element('p', 'body', data)
        : element('pre', 'body', JSON.stringify(data, undefined, 2));
    entry.append(heading, body);
    return entry;
  }

  #time(at) {
    const date = new Date(at);
    if (Number.isNaN(date.getTime())) return '';
    const time = element('time', '', date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    time.dateTime = date.toISOString();
    return time;
  }
}

/** Sends notes, one at a time. While the server is away, a note waits in the client; it never appears twice. */
class Composer {
  #form;
  #author;
  #push;
  #status;

  constructor(form, author, push) {
    this.#form = form;
    this.#author = author;
    this.#push = push;
    this.#status = form.querySelector('.sending');
    this.#form.elements.author.value = author.name;
    this.#say(hint, false);
  }

  listen() {
    const { author: name, text } = this.#form.elements;
    name.addEventListener('change', () => this.#author.rename(name.value.trim()));
    text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send();
    });
  }

  async #send() {
    const { author, text } = this.#form.elements;
    const button = this.#form.querySelector('button');
    if (button.disabled || text.value.trim() === '') return;
    button.disabled = true;
    text.readOnly = true;
    this.#author.rename(author.value.trim());
    const reason = await this.#deliver({ author: author.value, text: text.value });
    this.#say(reason ?? hint, reason !== undefined);
    if (!reason) {
      text.value = '';
      // Whoever listens for what is typed does not see what a program does.
      text.dispatchEvent(new Event('input'));
    }
    text.readOnly = false;
    button.disabled = false;
    text.focus();
  }

  #say(text, isTrouble) {
    // A screen reader announces a live region after every write.
    if (this.#status.textContent === text) return;
    this.#status.textContent = text;
    this.#status.classList.toggle('trouble', isTrouble);
  }

  /** Returns why the server refused the note; `undefined` if it accepted it. */
  async #deliver(note) {
    const say = () => this.#push.status === 'live' || this.#say(away, true);
    const stop = this.#push.onStatus(say);
    say();
    try {
      await this.#push.publish(notes, note);
      return undefined;
    } catch ({ message }) {
      return message;
    } finally {
      stop();
    }
  }
}
