import { connect } from './client/index.js';
import { runOf } from './client/run.js';
import { stateOf } from './client/state.js';
import { explain, statusName } from './strip.js';

const away = 'The server is away. Try again when it is back.';

/** What each status of a run means for whoever reads. The other words are reasons that only programs give. */
const meanings = {
  loading: () => 'Looking for it.',
  idle: () => 'It has not begun.',
  running: () => 'Writing.',
  done: () => 'Done.',
  cancelled: () => 'Stopped.',
  failed: () => 'It failed.',
  timeout: () => 'It took too long.',
  lost: () => 'It does not go on: the server that wrote it is gone.',
  gone: ({ gap }) => `It does not go on: ${explain(gap)}.`,
};

/** Sends a request about answers. Returns why it failed; `undefined` if it did not. */
async function request(method, path, body) {
  try {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`/answers${path}`, {
      method,
      ...(body && { headers, body: JSON.stringify(body) }),
    });
    return answer.ok ? undefined : [(await answer.json()).message].flat().join('; ');
  } catch {
    return away;
  }
}

const byId = (id) => document.getElementById(id);

/** Shows the newest answer, as it is written, and lets the visitor ask for another one and stop it. */
class AnswerPage {
  #push;
  #form = byId('asking');
  /** The answer that is shown. */
  #id;
  #run;

  constructor(push) {
    this.#push = push;
  }

  listen() {
    const current = stateOf(this.#push, 'answer');
    current.onChange(() => {
      const answer = current.get('answer');
      // What is shown stays, also if the server knows of it no more.
      if (answer && answer.id !== this.#id) this.#show(answer);
    });
    this.#push.onStatus(({ status }) => (byId('connection').textContent = statusName(status)));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#ask();
    });
    this.#form.elements.stop.addEventListener('click', () => void this.#stop());
  }

  #show({ id, question }) {
    this.#run?.close();
    this.#id = id;
    byId('question').textContent = question;
    const run = (this.#run = runOf(this.#push, `answers.${id}`));
    run.onChange(() => this.#run === run && this.#draw());
    this.#draw();
  }

  #draw() {
    const { text, status, state } = this.#run;
    const isRunning = status === 'running';
    const answer = byId('answer');
    const isAtEnd = answer.scrollHeight - answer.scrollTop - answer.clientHeight < 40;
    answer.textContent = text;
    answer.ariaBusy = String(isRunning);
    if (isAtEnd) answer.scrollTop = answer.scrollHeight;
    byId('progress').dataset.status = status;
    const bar = document.querySelector('progress');
    if (state?.progress !== undefined) bar.value = state.progress;
    else if (status === 'done') bar.value = 1;
    else if (text === '') bar.value = 0;
    byId('detail').textContent = state?.message ?? '';
    say(byId('status'), meanings[status]?.(this.#run) ?? `Ended: ${status}.`);
    const { stop } = this.#form.elements;
    // Whoever has pressed it goes on by keyboard where the next question is.
    if (!isRunning && document.activeElement === stop) this.#form.elements.question.focus();
    stop.disabled = !isRunning;
    this.#form.querySelector('button').disabled = isRunning;
  }

  async #ask() {
    const { question } = this.#form.elements;
    const reason = await request('POST', '', { question: question.value });
    this.#fail(reason);
    if (!reason) question.value = '';
  }

  async #stop() {
    this.#fail(await request('DELETE', `/${this.#id}`));
  }

  #fail(reason = '') {
    say(this.#form.querySelector('.sending'), reason);
  }
}

/** A screen reader announces a live region after every write. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

new AnswerPage(connect('/push', { maxRetryDelay: 2_000 })).listen();
