import { byId, mark, say } from './elements.js';
import { brief, time } from './format.js';

/** How long a verdict has to last, in milliseconds, before screen readers are told of it. */
const settled = 4_000;

/** The head of the page, the badges of the sections, and the title of the tab. */
export class Status {
  #cluster;
  #feed;
  #tail;
  #told = '';
  #pending = '';
  #timer;

  constructor(cluster, feed, tail) {
    this.#cluster = cluster;
    this.#feed = feed;
    this.#tail = tail;
    byId('reload').addEventListener('click', () => location.reload());
  }

  paint(verdict, section) {
    mark(byId('pill'), 'data-level', verdict.level);
    say(byId('pill-text'), verdict.text);
    this.#paintFeed();
    this.#paintBadges();
    const heading = byId(`${section}-title`).textContent;
    const title = `${heading} · Push dashboard`;
    const isFine = verdict.level === 'good' || verdict.level === 'unknown';
    document.title = isFine ? title : `${verdict.text} · ${title}`;
    this.#announce(verdict.text);
  }

  #paintFeed() {
    const { status, awaySince, reason } = this.#feed;
    mark(byId('feed'), 'data-status', status);
    const texts = { connecting: 'connecting', live: 'live', away: 'reconnecting', ended: 'login is over' };
    say(byId('feed-text'), texts[status]);
    const notice = {
      away: `The connection is lost since ${time(awaySince)}. What you see is from before that. The page comes back by itself. ${reason ?? ''}`,
      ended: 'The server does not know your login any more. Reload the page to log in.',
    }[status];
    byId('notice').hidden = !notice;
    byId('reload').hidden = status !== 'ended';
    say(byId('notice-text'), notice ?? '');
  }

  #paintBadges() {
    const { nodes, present } = this.#cluster;
    const gone = nodes.filter((node) => this.#cluster.isGone(node) && !node.report.draining).length;
    const badge = byId('nodes-badge');
    mark(badge, 'data-level', gone > 0 ? 'bad' : null);
    say(
      badge,
      nodes.length === 0 ? '' : gone > 0 ? `${present.length}, ${gone} gone` : String(present.length),
    );
    say(byId('connections-badge'), this.#figure('connections'));
    say(byId('topics-badge'), this.#figure('window.topics', 'max'));
    say(byId('tail-badge'), this.#tail.isRunning ? 'runs' : '');
  }

  /** All nodes know the same topics, so that those are not added up. */
  #figure(name, over) {
    const values = this.#cluster.present.map(({ series }) => series.value(name) ?? 0);
    if (values.length === 0) return '';
    return brief(over === 'max' ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0));
  }

  /** Only what lasts is worth being spoken. */
  #announce(text) {
    if (text === this.#pending) return;
    this.#pending = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (text === this.#told) return;
      this.#told = text;
      say(byId('announcer'), text);
    }, settled);
  }
}
