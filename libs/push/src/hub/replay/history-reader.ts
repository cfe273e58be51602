import type { History, HistoryPage, HistoryQuery } from '../../contracts/backplane.js';
import type { Counts } from '../counts.js';
import { PageCache } from './page-cache.js';
import { ReadQueue } from './read-queue.js';

/** How many pages are read at once; what else is wanted waits for its client's turn. */
const mostAtOnce = 4;

/** How much is read at once, in bytes of payload, as far as the sizes of earlier events tell. */
const pageBytes = 256 * 1024;
const fewestEvents = 16;
const mostEvents = 1_000;

/** A read that is not answered within this many milliseconds has failed. */
const patience = 30_000;

/** How long a read that failed waits before the next attempt, in milliseconds: doubled each time. */
const shortestDelay = 50;
const longestDelay = 2_000;

/** How long readers are handed their pages before the event loop gets to do something else, in milliseconds. */
const slice = 10;

/** What is asked for; how much of it comes at once is decided here. */
export interface PageQuery extends Omit<HistoryQuery, 'limit'> {
  /**
   * The newest removal of a state that was dropped, if that matters to the reader. A page that was read before may have a
   * state of which nothing says any more that it was removed.
   */
  readonly dropped?: number;
}

/** A snapshot, for `EventBus.stats()`. */
export interface HistoryStats {
  /** Pages read from the backplane since the start. */
  readonly pages: number;
  /** Pages that are being read. */
  readonly reading: number;
  /** Pages that wait to be read, or to be read again after a failure. */
  readonly waiting: number;
  /** Memory that pages take which are kept for a while, in bytes. */
  readonly bytes: number;
}

interface Waiter {
  /** Whose it is. */
  readonly client: object;
  readonly query: PageQuery;
  readonly arrived: (page: HistoryPage) => void;
  isGone: boolean;
}

/** A page that is, or will be, read: once for all who wait for it. */
interface Read {
  /** Who asked first. */
  readonly client: object;
  readonly key: string;
  readonly query: PageQuery;
  readonly waiters: Waiter[];
  failures: number;
}

/**
 * Reads what is older than the window. Readers of the same topics share the pages; a page is the answer for every
 * position that lies on it, for what is gone is told by sequence.
 */
export class HistoryReader {
  private readonly cache = new PageCache();
  /** All that are not answered yet, by what they ask for. */
  private readonly reads = new Map<string, Set<Read>>();
  private readonly queue = new ReadQueue<Read>();
  private ready: [Waiter, HistoryPage][] = [];
  private handing: NodeJS.Immediate | undefined;
  private readonly retries = new Set<NodeJS.Timeout>();
  /** Changes when what was asked for is no longer wanted. */
  private generation = 0;
  private reading = 0;
  private pages = 0;
  private eventBytes = 4_096;
  private isFailing = false;

  /** @param onError is told of the first of several failures in a row */
  constructor(
    private readonly history: History,
    private readonly epoch: () => string,
    private readonly onError: (error: unknown) => void,
    private readonly counts?: Counts,
  ) {}

  /** A page that was read lately and goes on after the asked position. */
  find(query: PageQuery): HistoryPage | undefined {
    return this.cache.find(keyOf(query), query.after);
  }

  /**
   * Reads a page that goes on after the asked position, which may go further than was asked, and hands it to `arrived`:
   * later, and only once it could be read. Returns what takes that back.
   *
   * @param client who asks: clients have their turns one after the other, however much one of them wants
   */
  read(query: PageQuery, client: object, arrived: (page: HistoryPage) => void): () => void {
    const waiter: Waiter = { client, query, arrived, isGone: false };
    this.join(waiter, true);
    return () => (waiter.isGone = true);
  }

  /** About how many events fit on a page, as a power of two: so those who ask for that many ask the same question. */
  get usualEvents(): number {
    return 2 ** Math.floor(Math.log2(this.fittingEvents));
  }

  private get fittingEvents(): number {
    return Math.round(Math.min(mostEvents, Math.max(fewestEvents, pageBytes / this.eventBytes)));
  }

  /** Forgets everything: what is read, what is being read and who waits for it. */
  reset(): void {
    this.generation++;
    this.cache.clear();
    this.reads.clear();
    this.queue.clear();
    this.ready = [];
    this.retries.forEach((timer) => clearTimeout(timer));
    this.retries.clear();
  }

  stats(): HistoryStats {
    const { pages, reading } = this;
    return { pages, reading, waiting: this.queue.size + this.retries.size, bytes: this.cache.bytes };
  }

  /** @param isPatient whether a read that begins before the asked position will do: it may not come that far */
  private join(waiter: Waiter, isPatient: boolean): void {
    const { query } = waiter;
    const key = keyOf(query);
    let same = this.reads.get(key);
    if (!same) this.reads.set(key, (same = new Set()));
    for (const read of same) {
      const { after, through } = read.query;
      const isFit = after === query.after || (isPatient && after < query.after && query.after < through);
      if (!isFit) continue;
      read.waiters.push(waiter);
      return;
    }
    const read: Read = { client: waiter.client, key, query, waiters: [waiter], failures: 0 };
    same.add(read);
    this.queue.push(read);
    this.next();
  }

  private next(): void {
    while (this.reading < mostAtOnce) {
      const read = this.queue.shift();
      if (!read) return;
      const page = this.cache.find(read.key, read.query.after);
      if (page) this.hand(read, page);
      else if (read.waiters.some(({ isGone }) => !isGone)) this.run(read).catch(this.onError);
      else this.forget(read);
    }
  }

  private async run(read: Read): Promise<void> {
    const { generation } = this;
    const began = performance.now();
    const ended = (code?: string) => this.counts?.onOperation?.('fetch', performance.now() - began, code);
    this.reading++;
    this.queue.began(read);
    try {
      const page = await this.ask(read.query);
      if (generation !== this.generation) return;
      this.pages++;
      ended();
      this.isFailing = false;
      this.cache.add(read.key, read.query.after, page);
      this.hand(read, page);
    } catch (error) {
      if (generation !== this.generation) return;
      ended('UNAVAILABLE');
      this.failed(read, error);
    } finally {
      this.reading--;
      this.queue.ended(read);
      this.next();
    }
  }

  private async ask(query: PageQuery): Promise<HistoryPage> {
    const limit = this.fittingEvents;
    const { topics, after, through, newest } = query;
    const page = await inTime(this.history.page({ topics, after, through, newest, limit }));
    if (!(page.through > query.after))
      throw new Error(`The history's page after ${query.after} ends at ${page.through}.`);
    if (page.events.some(({ epoch }) => epoch !== this.epoch()))
      throw new Error('The history is that of another log.');
    if (page.events.length > 0) {
      const bytes = page.events.reduce((sum, { data }) => sum + data.length, 0) / page.events.length;
      this.eventBytes = (3 * this.eventBytes + bytes) / 4;
    }
    return page;
  }

  private hand(read: Read, page: HistoryPage): void {
    this.forget(read);
    for (const waiter of read.waiters) {
      if (waiter.isGone) continue;
      if (waiter.query.after < page.through) this.ready.push([waiter, page]);
      else this.join(waiter, false);
    }
    this.handing ??= setImmediate(this.deliver);
  }

  private readonly deliver = (): void => {
    const { ready } = this;
    const deadline = performance.now() + slice;
    let done = 0;
    for (; done < ready.length && performance.now() < deadline; done++) {
      const [waiter, page] = ready[done]!;
      if (!waiter.isGone) this.give(waiter, page);
    }
    if (ready === this.ready) this.ready = ready.slice(done);
    this.handing = this.ready.length > 0 ? setImmediate(this.deliver) : undefined;
  };

  private give(waiter: Waiter, page: HistoryPage): void {
    try {
      waiter.arrived(page);
    } catch (error) {
      this.onError(error);
    }
  }

  private failed(read: Read, error: unknown): void {
    if (!this.isFailing) this.onError(error);
    this.isFailing = true;
    const delay = Math.min(shortestDelay * 2 ** read.failures++, longestDelay) * (0.75 + Math.random() / 2);
    const timer = setTimeout(() => {
      this.retries.delete(timer);
      this.queue.push(read);
      this.next();
    }, delay);
    timer.unref();
    this.retries.add(timer);
  }

  private forget(read: Read): void {
    const same = this.reads.get(read.key);
    same?.delete(read);
    if (same?.size === 0) this.reads.delete(read.key);
  }
}

/** What pages are kept under. Of the newest events of topics there are other ones as of another sequence. */
function keyOf({ topics, through, newest, dropped = 0 }: PageQuery): string {
  return `${dropped} ${newest === undefined ? '' : `${newest} ${through}`} ${[...topics].sort().join(' ')}`;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The history did not answer within ${patience} ms.`)),
      patience,
    );
    timer.unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
