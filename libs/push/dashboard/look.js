import { ApiError, post } from './api.js';

/** How long the page waits for the next key, in milliseconds, before it says what it looks at. */
const pause = 300;

/** Tells the server what the page looks at, whenever that changes, and again after each reconnect. */
export class Look {
  /** The number of the look that answers have to be to. */
  number = 0;
  /** Why the last look was refused. */
  refusal = '';
  #feed;
  #listener;
  #parts = {};
  #sent = '';
  #timer;
  #isSending = false;

  /** @param listener `changed()` when a look was refused or served, `ended()` when the login is over */
  constructor(feed, listener) {
    this.#feed = feed;
    this.#listener = listener;
  }

  /** Looks at one more thing, or at nothing with `undefined`. */
  at(part, what) {
    if (JSON.stringify(this.#parts[part]) === JSON.stringify(what)) return;
    this.#parts = { ...this.#parts, [part]: what };
    this.number++;
    this.#soon(pause);
  }

  /** Whether an answer is to what is looked at now. */
  isCurrent({ look }) {
    return look === undefined || look === this.number;
  }

  /** Says it once more: the connection is a new one. */
  again() {
    this.#sent = '';
    this.#soon(0);
  }

  /** A node says that it cannot serve the look. */
  hearRefusal(answer) {
    if (this.isCurrent(answer)) this.#refuse(answer.message);
  }

  #refuse(message) {
    this.refusal = message;
    this.#listener.changed();
  }

  #soon(time) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), time);
  }

  #send() {
    if (this.#isSending || this.#feed.status !== 'live') return;
    const look = { view: this.#feed.view, look: this.number, ...this.#parts };
    const text = JSON.stringify(look);
    if (text === this.#sent) return;
    this.#sent = text;
    this.#isSending = true;
    post('look', look).then(
      () => this.#settle(undefined, look.view),
      (error) => this.#settle(error, look.view),
    );
  }

  #settle(failure, view) {
    this.#isSending = false;
    if (failure instanceof ApiError && failure.isLoginOver) return this.#listener.ended();
    if (failure && view === this.#feed.view) {
      this.#refuse(failure.message);
      // What did not arrive is sent again; what was refused would be refused again.
      if (failure.status === 0 || failure.status >= 500) {
        this.#sent = '';
        this.#soon(2_000);
      }
      return;
    }
    this.#refuse('');
    // Something may have changed meanwhile.
    this.#soon(0);
  }
}
