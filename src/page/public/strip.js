const states = {
  connecting: 'connecting',
  open: 'live',
  waiting: 'waiting to reconnect',
  refused: 'refused by the server',
};

const reasons = {
  epoch: 'the server began a new log: it was restarted',
  evicted: 'the server no longer keeps what came in between',
  slow: 'this page read too slowly',
  malformed: 'the server does not know the last id',
  future: 'the server is behind the last id: it was restored from a backup',
};

/** What a gap notice means, in words. */
export function explain({ reason }) {
  return reasons[reason] ?? reason;
}

/** Shows the state of a connection, and the last thing worth knowing about it. */
export function showTransport(article, connection) {
  const state = article.querySelector('.state');
  const notice = article.querySelector('.notice');
  const field = (name) => article.querySelector(`[data-field=${name}]`);

  connection.addEventListener('change', () => {
    article.dataset.state = connection.state;
    // A live region speaks whenever it is written to, even if nothing changes.
    if (state.textContent !== states[connection.state]) state.textContent = states[connection.state];
    field('id').textContent = connection.id ?? '–';
    field('reconnects').textContent = connection.reconnects;
    field('gaps').textContent = connection.gaps;
  });

  const say = (text, tone = 'plain') => {
    notice.textContent = text;
    notice.dataset.tone = tone;
  };
  connection.addEventListener('greeting', ({ detail: { connection: id, heartbeat, limits } }) => {
    const rules = `heartbeat every ${heartbeat / 1_000} s, up to ${limits.maxTopics} topics`;
    say(`Greeted as ${id.slice(0, 8)}: ${rules}.`);
  });
  connection.addEventListener('gap', ({ detail }) => {
    say(`Gap at ${new Date().toLocaleTimeString()}: ${explain(detail)}.`, 'gap');
  });
  connection.addEventListener('drain', ({ detail: { delay } }) => {
    say(`The server shuts down and asks to come back in ${(delay / 1_000).toFixed(1)} s.`);
  });
  connection.addEventListener('refusal', ({ detail: { code, message } }) => {
    say(`${code}: ${message}`, 'refusal');
  });
  return say;
}
