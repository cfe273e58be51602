import type { Link, LinkListener, StatusChange } from '../link.js';
import type { ServerMessage } from '../protocol/messages.js';
import type { GreetingMessage, RequestMessage, SubscribeRequest } from '../requests.js';
import type { LeaderMessage, TabMessage } from './tab-messages.js';

/** How many topics one message may have. */
const maxTopicsPerMessage = 100;

interface Asked {
  readonly refs: readonly string[];
  readonly messages: readonly SubscribeRequest[];
  readonly topics: readonly string[];
}

/**
 * The leader's connection for all tabs. It forwards the server's messages, and subscribes to the union of the tabs' topics.
 * Subscriptions with the same start go together, one batch at a time.
 */
export class Relay implements LinkListener {
  readonly link: Link;
  #era: number;
  #isUp = false;
  #isTurn = false;
  #change: StatusChange = { status: 'connecting' };
  #greeting: GreetingMessage | undefined;
  /** The topics of each tab. */
  readonly #topics = new Map<string, Set<string>>();
  #queue: (SubscribeRequest & { readonly isAlone?: boolean })[] = [];
  #asked: Asked | undefined;

  /**
   * @param own the leader's own tab
   * @param lastEra the last one of another leader
   */
  constructor(
    private readonly name: string,
    private readonly post: (message: LeaderMessage) => void,
    connectTo: (listener: LinkListener) => Link,
    private readonly own: LinkListener,
    lastEra: number,
  ) {
    this.#era = nextEra(lastEra);
    this.link = connectTo(this);
  }

  receive(message: TabMessage): void {
    this.#watch(message.tab);
    if ('say' in message) {
      if (message.era === this.#era) this.say(message.tab, message.say);
      return;
    }
    if (message.nudge) this.link.nudge(message.nudge === 'anyway');
    this.#announce();
  }

  /** Handles a message from a tab to the server. */
  say(tab: string, message: RequestMessage): void {
    if (message.event === 'subscribe') {
      const topics = this.#topics.get(tab) ?? new Set();
      message.data.topics.forEach((topic) => topics.add(topic));
      this.#topics.set(tab, topics);
      this.#queue.push(message.data);
      this.#askNext();
    } else if (message.event === 'unsubscribe') this.#drop(tab, message.data.topics);
    else this.link.send(message);
  }

  up(): void {
    this.#era = nextEra(this.#era);
    for (const topics of this.#topics.values()) topics.clear();
    this.#queue = [];
    this.#asked = undefined;
    this.#isTurn = false;
    this.#isUp = true;
    this.#announce();
    this.own.up();
  }

  message(message: ServerMessage): void {
    const { event, data } = message;
    const asked = this.#asked;
    const ref = 'ref' in data ? data.ref : undefined;
    if (event === 'hello') this.#greeting = { event, data };
    const isOurs = asked && ref === asked.refs[0];
    if (event === 'subscribed') this.#isTurn = true;
    if (event === 'live') this.#isTurn = false;
    if (isOurs && (event === 'live' || event === 'error')) {
      this.#asked = undefined;
      if (event === 'error' && !data.retryable && asked.refs.length > 1) {
        // The refusal may be about one of them, so each is requested alone.
        this.#queue.unshift(...asked.messages.map((each) => ({ ...each, isAlone: true })));
        this.#askNext();
        return;
      }
      // While the request was pending, a tab may have unsubscribed or closed.
      this.#drop('', asked.topics);
    }
    const refs = isOurs ? asked.refs : undefined;
    this.post({ era: this.#era, message, refs });
    this.own.message(message, refs);
    this.#askNext();
  }

  status(change: StatusChange): void {
    this.#change = change;
    if (change.status !== 'live') this.#isUp = false;
    this.#announce();
    this.own.status(change);
  }

  #announce(): void {
    this.post({
      era: this.#era,
      isUp: this.#isUp,
      isTurn: this.#isTurn,
      greeting: this.#greeting,
      change: this.#change,
      code: this.#change.error?.code,
    });
  }

  /** Watches a tab. Each tab holds a lock as long as it lives, so the tab is gone once the relay gets that lock. */
  #watch(tab: string): void {
    if (this.#topics.has(tab)) return;
    this.#topics.set(tab, new Set());
    const gone = () => {
      this.#drop(tab, [...(this.#topics.get(tab) ?? [])]);
      this.#topics.delete(tab);
    };
    // A page that may no longer use locks is being closed itself.
    navigator.locks.request(`${this.name} ${tab}`, gone).catch(() => undefined);
  }

  /** Unsubscribes the topics that no other tab wants. */
  #drop(tab: string, dropped: readonly string[]): void {
    dropped.forEach((topic) => this.#topics.get(tab)?.delete(topic));
    const tabs = [...this.#topics.values()];
    const topics = dropped.filter((topic) => !tabs.some((wanted) => wanted.has(topic)));
    if (topics[0]) this.link.send({ event: 'unsubscribe', data: { topics } });
  }

  #askNext(): void {
    const [first] = this.#queue;
    if (this.#asked || !first) return;
    const topics = new Set<string>();
    const messages = this.#queue.filter((each) => {
      const isTooMany = topics.size + each.topics.length > maxTopicsPerMessage;
      if (each.from !== first.from) return false;
      if (topics.size > 0 && (first.isAlone || each.isAlone || first.from === 'snapshot' || isTooMany))
        return false;
      each.topics.forEach((topic) => topics.add(topic));
      return true;
    });
    this.#queue = this.#queue.filter((each) => !messages.includes(each));
    this.#asked = { refs: messages.map(({ ref }) => ref), messages, topics: [...topics] };
    const { from, repeat, ref } = first;
    this.link.send({ event: 'subscribe', data: { topics: [...topics], from, repeat, ref } });
  }
}

/**
 * A higher number than the last one, and than those of leaders that this tab has not heard. The clock may have been set back since
 * then; the random part keeps apart two leaders that have not heard each other.
 */
function nextEra(last: number): number {
  return Math.max(last, Date.now()) + Math.random();
}
