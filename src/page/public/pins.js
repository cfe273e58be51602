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
      const { x, y } = this.#pins.get(topic);
      void this.#move(topic, { x: within(x + direction[0]), y: within(y + direction[1]) });
    });
    return card;
  }

  #drag(topic, card, { target, pointerId, clientX, clientY }) {
    if (target.closest('button')) return;
    const { x, y } = this.#pins.get(topic);
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
    await this.#tell('PUT', topic, '/place', to);
    // Where it is now: there, unless the server has refused.
    this.#show(topic);
  }

  async #tell(method, topic, path, body) {
    this.onFailure(await request(method, `/${topic.slice('pins.'.length)}${path}`, body));
  }
}

function place(card, { x, y }) {
  card.style.setProperty('--x', x);
  card.style.setProperty('--y', y);
}
