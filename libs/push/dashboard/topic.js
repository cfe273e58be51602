import { fragment } from './address.js';
import { byId, element, keep, say } from './elements.js';
import { eventRow } from './event-row.js';
import { count, duration, plural, unknown } from './format.js';
import { showFacts } from './overview.js';

/** One topic: what is promised for it, its newest events, and who is there. */
export class TopicDetails {
  #place = byId('topic');
  #topic = '';
  #answer;

  /** @param close called when the operator has seen enough */
  constructor(close) {
    byId('topic-close').addEventListener('click', close);
  }

  /** Shows a topic, or none with an empty text. */
  show(topic) {
    this.#place.hidden = !topic;
    if (topic === this.#topic) return;
    this.#topic = topic;
    this.#answer = undefined;
    say(byId('topic-title'), topic);
    byId('topic-tail').href = fragment('tail', { pattern: topic });
    byId('topic-readers').href = fragment('connections', { topic });
    byId('topic-publish').href = fragment('publish', { topic });
  }

  take(answer) {
    this.#answer = answer;
  }

  paint() {
    if (!this.#topic) return;
    const { rule, events = [], presence, snapshot } = this.#answer ?? {};
    showFacts(byId('topic-facts'), this.#answer ? factsOf(rule, snapshot) : [['Looking', '…']]);
    keep(
      byId('topic-events'),
      this.#answer && events.length === 0 ? [undefined] : events,
      (event) => (event ? String(event.id) : 'none'),
      (event) =>
        event
          ? eventRow({ ...event, topic: undefined }, event.at)
          : element('li', { class: 'empty' }, 'No events are kept.'),
    );
    this.#paintPresence(rule, presence);
  }

  #paintPresence(rule, presence) {
    const people = presence?.list ?? [];
    say(byId('topic-presence'), this.#answer ? presenceOf(rule, presence) : '');
    keep(
      byId('topic-people'),
      people.map((person, index) => ({ name: nameOf(person), index })),
      ({ name, index }) => `${index} ${name}`,
      ({ name }) => element('li', {}, name),
    );
  }
}

function factsOf(rule, snapshot) {
  const kind = rule?.state
    ? 'state: the newest event counts'
    : rule?.finite
      ? 'finite: it has an end'
      : 'events';
  return [
    ['Rule', rule?.pattern ?? 'none: no client may read it'],
    ['Kind', kind],
    ['Retention', retentionOf(rule?.retention)],
    ['Snapshot', snapshot === 'loader' ? 'loaded by a @PushSnapshot() method' : 'none'],
  ];
}

function retentionOf(retention) {
  if (!retention) return unknown;
  const events = typeof retention.events === 'number' ? plural(retention.events, 'event') : 'all events';
  return typeof retention.age === 'number' ? `${events}, for ${duration(retention.age)}` : events;
}

function presenceOf(rule, presence) {
  if (!presence) return rule?.presence ? 'Nobody is here.' : 'The rule of this topic keeps no presence.';
  const shown = presence.list?.length ?? 0;
  const more = presence.users > shown ? ` The first ${count(shown)} are shown.` : '';
  return `${plural(presence.users, 'user')} with ${plural(presence.clients, 'client')}.${more}`;
}

function nameOf(person) {
  const name = person?.user ?? 'anonymous';
  return person?.clients > 1 ? `${name} × ${count(person.clients)}` : String(name);
}
