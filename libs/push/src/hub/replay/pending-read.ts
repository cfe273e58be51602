import type { HistoryPage } from '../../contracts/backplane.js';
import type { Position } from '../../contracts/position.js';
import type { HistoryReader, PageQuery } from './history-reader.js';
import type { SnapshotLoad } from './snapshot-load.js';
import type { Track } from './track.js';
import type { Mismatch, UnverifiedPositions } from './unverified-positions.js';

interface Answer {
  readonly topics: string;
  readonly query: PageQuery;
  readonly page: HistoryPage;
}

/** What a cursor has asked the backplane: one thing at a time. The cursor does not move until the answer is there. */
export class PendingRead {
  private cancel: (() => void) | undefined;
  /** The last answer, for the next step of a track with the same topics. */
  private answer: Answer | undefined;

  /**
   * @param client gets its turns among the readers of the history
   * @param answered is called when an answer is there
   */
  constructor(
    private readonly client: object,
    private readonly answered: () => void,
  ) {}

  get isWaiting(): boolean {
    return this.cancel !== undefined;
  }

  /** The page for `query`, if this cursor or another one has read it lately. Otherwise begins to read it. */
  page(history: HistoryReader, track: Track, query: PageQuery): HistoryPage | undefined {
    const topics = track.topics.key;
    const { answer } = this;
    this.answer = undefined;
    const page = answer?.topics === topics && answers(answer, query) ? answer.page : history.find(query);
    if (!page) {
      this.cancel = history.read(query, this.client, (read) => {
        this.answer = { topics, query, page: read };
        this.done();
      });
    }
    return page;
  }

  /** Asks whether a client can have read up to `position`. */
  verify(
    unverified: UnverifiedPositions,
    position: Position,
    settle: (mismatch: Mismatch | undefined) => void,
  ): void {
    this.cancel = unverified.verify(position, (mismatch) => {
      settle(mismatch);
      this.done();
    });
  }

  /** Loads snapshots. @param load begins that */
  snapshots(load: (done: () => void) => SnapshotLoad): SnapshotLoad {
    const loading = load(() => this.done());
    this.cancel = () => loading.cancel();
    return loading;
  }

  /** Drops an answer that could not be used at once: later it would be out of date. */
  forget(): void {
    this.answer = undefined;
  }

  /** Cancels what is being read, and drops what was. */
  drop(): void {
    this.cancel?.();
    this.cancel = this.answer = undefined;
  }

  private done(): void {
    this.cancel = undefined;
    this.answered();
  }
}

/** Whether a page answers a query: another track with the same topics may be elsewhere in the log. */
function answers({ query, page }: Answer, { after, newest, dropped }: PageQuery): boolean {
  return query.newest === newest && query.dropped === dropped && query.after <= after && after < page.through;
}
