/** The name of each status, first in the style sheet and then for the user. */
const states = {
  connecting: ['connecting', 'connecting'],
  live: ['open', 'live'],
  waiting: ['waiting', 'waiting to reconnect'],
  closed: ['refused', 'refused by the server'],
};

const reasons = {
  epoch: 'the server began a new log: it was restarted',
  evicted: 'the server no longer has the events in between',
  slow: 'this page read too slowly',
  malformed: 'the server does not know the last id',
  future: 'the log ends before the last id: the server was restored from a backup',
};

/** How often the last id is displayed, in milliseconds. Heartbeats move it too. */
const refreshInterval = 500;

/** A status of a client in words. */
export function statusName(status) {
  return states[status][1];
}

/** Explains a gap notice in words. */
export function explain({ reason }) {
  return reasons[reason] ?? reason;
}

/** Shows the state of a client and its latest notice. */
export function showTransport(article, push) {
  const state = article.querySelector('.state');
  const notice = article.querySelector('.notice');
  const field = (name) => article.querySelector(`[data-field=${name}]`);
  const say = (text, tone = 'plain') => {
    notice.textContent = text;
    notice.dataset.tone = tone;
  };
  let connections = 0;
  let gaps = 0;

  push.onStatus(({ status, connection, retryIn, error }) => {
    [article.dataset.state, state.textContent] = states[status];
    if (status === 'live') {
      field('reconnects').textContent = connections++;
      // A gap stays visible: it matters more than the greeting.
      if (notice.dataset.tone !== 'gap') say(`Greeted as ${connection}.`);
    } else if (status === 'waiting' && retryIn !== undefined) {
      say(`Cut. The next try is in ${(retryIn / 1_000).toFixed(1)} s.`);
    } else if (status === 'closed' && error) say(`${error.code}: ${error.message}`, 'refusal');
  });
  push.onGap((gap) => {
    // State forgets and loads itself.
    if (gap.reset) return;
    field('gaps').textContent = ++gaps;
    say(`Gap at ${new Date().toLocaleTimeString()}: ${explain(gap)}.`, 'gap');
  });
  setInterval(() => {
    field('id').textContent = push.position ?? '–';
  }, refreshInterval);
}
