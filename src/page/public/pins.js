import { stateOf } from './client/state.js';
import { element, hueOf } from './board.js';

const away = 'The server is away. Try again when it is back.';

/** How far an arrow key moves a note, in percent of the wall. */
const step = 4;

const directions = {
  ArrowLeft: [-step, 0],
  ArrowRight: [step, 0],
  ArrowUp: [0, -step],
  ArrowDown: [0, step],
};

const within = (value) => Math.min(100, Math.max(0, value));

/** Sends a request about notes. Returns why it failed; `undefined` if it did not. */
async function request(method, path, body) {
  try {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`/pins${path}`, {
      method,
      ...(body && { headers, body: JSON.stringify(body) }),
    });
    return answer.ok ? undefined : [(await answer.json()).message].flat().join('; ');
  } catch {
    return away;
  }
}

/** Shows the notes on the wall, as they are now, and lets the visitor pin, move and take down notes. */
export function showPins(push, author) {
  const wall = new Wall(document.getElementById('pins'), stateOf(push, 'pins.*'));
  const form = document.getElementById('pinner');
  const status = form.querySelector('.sending');
  wall.onFailure = (reason) => (status.textContent = reason ?? '');
  const pin = async (text) => {
    const place = { x: Math.round(Math.random() * 100), y: Math.round(Math.random() * 100) };
    const reason = await request('POST', '', { author: author.name, text: text.value, ...place });
    wall.onFailure(reason);
    if (!reason) text.value = '';
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void pin(form.elements.text);
  });
}

class Wall {
  onFailure = () => undefined;
  #list;
  #pins;
  #cards = new Map();

  constructor(list, pins) {
    this.#list = list;
    this.#pins = pins;
    pins.onChange((topics) => topics.forEach((topic) => this.#show(topic)));
  }

  #show(topic) {
    const pin = this.#pins.get(topic);
    let card = this.#cards.get(topic);
    if (!pin) {
      card?.remove();
      this.#cards.delete(topic);
      return;
    }
    if (!card) {
      card = this.#card(topic, pin);
      this.#cards.set(topic, card);
      this.#list.append(card);
    }
    // The visitor's own hand wins until the note is dropped.
    if (!card.dataset.dragged) place(card, pin);
  }

  #card(topic, { author, text }) {
    const card = element('li', 'pin', '');
    card.tabIndex = 0;
    card.style.setProperty('--hue', hueOf(author));
    const remove = element('button', 'remove', '×');
    remove.type = 'button';
    remove.ariaLabel = `Take down: ${text}`;
    remove.addEventListener('click', () => void this.#tell('DELETE', topic, ''));
    card.append(element('p', 'body', text), element('p', 'author', author), remove);
    card.addEventListener('pointerdown', (event) => this.#drag(topic, card, event));
    card.addEventListener('keydown', (event) => {
      const direction = directions[event.key];
      if (!direction || event.target !== card) return;
      event.preventDefault();
      const { x, y } = placeOf(card);
      const to = { x: within(x + direction[0]), y: within(y + direction[1]) };
      place(card, to);
      void this.#move(topic, to);
    });
    return card;
  }

  #drag(topic, card, { target, pointerId, clientX, clientY }) {
    if (target.closest('button')) return;
    const { x, y } = placeOf(card);
    const wall = this.#list.getBoundingClientRect();
    const free = { x: wall.width - card.offsetWidth, y: wall.height - card.offsetHeight };
    let to = { x, y };
    card.setPointerCapture(pointerId);
    card.dataset.dragged = 'yes';
    const move = (event) => {
      to = {
        x: within(x + (100 * (event.clientX - clientX)) / free.x),
        y: within(y + (100 * (event.clientY - clientY)) / free.y),
      };
      place(card, to);
    };
    const drop = (event) => {
      card.removeEventListener('pointermove', move);
      card.removeEventListener('pointerup', drop);
      card.removeEventListener('pointercancel', drop);
      delete card.dataset.dragged;
      if (event.type === 'pointerup' && (to.x !== x || to.y !== y)) void this.#move(topic, to);
      else this.#show(topic);
    };
    card.addEventListener('pointermove', move);
    card.addEventListener('pointerup', drop);
    card.addEventListener('pointercancel', drop);
  }

  async #move(topic, to) {
    // The note stays where the visitor has put it: the event says the same, and may come after the answer.
    const moved = await this.#tell('PUT', topic, '/place', to);
    if (!moved) this.#show(topic);
  }

  /** Sends a request about a note. Returns whether the server did what it asks for. */
  async #tell(method, topic, path, body) {
    const reason = await request(method, `/${topic.slice('pins.'.length)}${path}`, body);
    this.onFailure(reason);
    return reason === undefined;
  }
}

function place(card, { x, y }) {
  card.style.setProperty('--x', x);
  card.style.setProperty('--y', y);
}

/** Where a card is shown: where the visitor sees it, which is ahead of the server while a request is on its way. */
function placeOf(card) {
  const coordinate = (name) => Number(card.style.getPropertyValue(name));
  return { x: coordinate('--x'), y: coordinate('--y') };
}
