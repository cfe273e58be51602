import { addressOf, replaceAddress } from './address.js';
import { showError } from './connections.js';
import { byId, element, keep, mark, say } from './elements.js';
import { eventRow } from './event-row.js';
import { duration, plural, time } from './format.js';

/** The most events that are kept, and shown. */
const mostRows = 500;

/** Follows the events of a pattern as they are published, in whatever section the operator is, until it is stopped. */
export class Tail {
  #look;
  #painter;
  #form = byId('tail-form');
  /** What is followed, or '' for nothing. */
  #pattern = '';
  /** Newest first. */
  #rows = [];
  /** What came while it was paused, newest first. */
  #waiting = [];
  #dropped = 0;
  #next = 0;
  #skipped = 0;
  #isPaused = false;
  /** When something last came, in milliseconds since 1970. */
  #lastAt;

  constructor(look, painter) {
    this.#look = look;
    this.#painter = painter;
    this.#form.addEventListener('submit', (event) => this.#toggle(event));
    byId('tail-pause').addEventListener('click', () => this.#pause(!this.#isPaused));
    byId('tail-clear').addEventListener('click', () => this.#clear());
  }

  get isRunning() {
    return this.#pattern !== '';
  }

  enter(params) {
    const pattern = params.get('pattern') ?? '';
    if (pattern && pattern !== this.#pattern) this.#start(pattern);
    this.#form.elements.pattern.value = this.#pattern || this.#form.elements.pattern.value;
    if (this.isRunning && !pattern) replaceAddress('tail', { pattern: this.#pattern });
  }

  event(type, { pattern, events, skipped }) {
    if (type !== 'tail' || pattern !== this.#pattern || !Array.isArray(events)) return;
    const at = Date.now();
    this.#lastAt = at;
    this.#skipped += skipped ?? 0;
    if (skipped > 0) this.#put({ gap: `${plural(skipped, 'event')} came too fast to be shown.` });
    for (const event of events) this.#put({ event, at });
  }

  /** The connection was away: there may be a hole. */
  interrupted({ from, to }) {
    if (!this.isRunning) return;
    const away = `Not connected for ${duration(Math.max(1000, to - from))} until ${time(to)}`;
    this.#put({ gap: `${away}: what was published then is missing here.` });
  }

  paint() {
    const stop = byId('tail-start');
    say(stop, this.isRunning ? 'Stop' : 'Start');
    byId('tail-pause').disabled = !this.isRunning;
    byId('tail-clear').disabled = this.#rows.length + this.#waiting.length === 0;
    mark(byId('tail-pause'), 'aria-pressed', this.#isPaused);
    say(byId('tail-pause'), this.#isPaused ? 'Resume' : 'Pause');
    say(byId('tail-summary'), this.#summary());
    byId('tail-empty').hidden = this.#rows.length > 0;
    say(byId('tail-empty'), this.#emptiness());
    showError(byId('tail-error'), this.isRunning ? this.#look.refusal : '');
    keep(byId('tail-events'), this.#rows, ({ key }) => key, makeRow);
  }

  #put(row) {
    row.key = String(this.#next++);
    const list = this.#isPaused ? this.#waiting : this.#rows;
    list.unshift(row);
    if (list.length <= mostRows) return;
    list.pop();
    if (this.#isPaused) this.#dropped++;
  }

  #toggle(event) {
    event.preventDefault();
    const pattern = this.#form.elements.pattern.value.trim();
    if (this.isRunning && pattern === this.#pattern) this.#stop();
    else this.#start(pattern);
    if (addressOf().section === 'tail') replaceAddress('tail', { pattern: this.#pattern });
    this.#painter.now();
  }

  #start(pattern) {
    this.#clear();
    this.#isPaused = false;
    this.#pattern = pattern;
    this.#look.at('tail', pattern);
    this.#tell(`The tail of ${pattern} runs.`);
  }

  #stop() {
    this.#pause(false);
    this.#pattern = '';
    this.#look.at('tail', undefined);
    this.#tell('The tail is stopped.');
  }

  #pause(isPaused) {
    this.#isPaused = isPaused;
    if (!isPaused) {
      this.#rows = [...this.#waiting, ...this.#rows].slice(0, mostRows);
      this.#waiting = [];
      this.#dropped = 0;
    }
    this.#tell(isPaused ? 'The tail is paused.' : 'The tail goes on.');
    this.#painter.now();
  }

  #clear() {
    this.#rows = [];
    this.#waiting = [];
    this.#dropped = 0;
    this.#skipped = 0;
    this.#lastAt = undefined;
    this.#painter.request();
  }

  /** For screen readers: what the operator did, never what comes. */
  #tell(text) {
    say(byId('tail-status'), text);
  }

  #summary() {
    if (this.#isPaused) {
      const dropped = this.#dropped > 0 ? `; ${plural(this.#dropped, 'older one')} dropped` : '';
      return `Paused: ${plural(this.#waiting.length, 'event')} since then${dropped}.`;
    }
    if (this.#rows.length === 0) return '';
    const last = this.#lastAt === undefined ? '' : ` The last one came at ${time(this.#lastAt)}.`;
    const skipped = this.#skipped > 0 ? ` ${plural(this.#skipped, 'event')} came too fast to be shown.` : '';
    return `${plural(this.#rows.length, 'row')}, of ${mostRows} at most, newest first.${last}${skipped}`;
  }

  #emptiness() {
    if (!this.isRunning)
      return 'Give a topic or a pattern, such as orders.> or orders.*.paid, and see its events as they are published.';
    return this.#isPaused ? 'Paused.' : `Waiting for an event of ${this.#pattern}.`;
  }
}

function makeRow({ event, at, gap }) {
  return gap === undefined
    ? eventRow({ ...event, topic: String(event.topic) }, at)
    : element('li', { class: 'break' }, gap);
}
