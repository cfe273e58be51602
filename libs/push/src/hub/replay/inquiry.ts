import type { HistoryPage } from '../../contracts/backplane.js';
import type { Position } from '../../contracts/position.js';
import type { Forerunners, Refusal } from './forerunners.js';
import type { HistoryReader, PageQuery } from './history-reader.js';
import type { Leg } from './leg.js';

interface Answer {
  readonly topics: string;
  readonly query: PageQuery;
  readonly page: HistoryPage;
}

/** What a cursor asks the backplane: one thing at a time, and nothing of it moves until that is there. */
export class Inquiry {
  /** Takes back what was asked. */
  private takeBack: (() => void) | undefined;
  /** What is there by now, for the next step of a leg with these topics. */
  private arrived: Answer | undefined;

  /**
   * @param client who asks
   * @param answered is called when something is there
   */
  constructor(
    private readonly client: object,
    private readonly answered: () => void,
  ) {}

  get isOpen(): boolean {
    return this.takeBack !== undefined;
  }

  /** What the backplane has of what the window misses, if it was asked already, by this cursor or another. Else asks it. */
  page(history: HistoryReader, leg: Leg, query: PageQuery): HistoryPage | undefined {
    const topics = leg.topics.key;
    const { arrived } = this;
    this.arrived = undefined;
    const page = arrived?.topics === topics && isFit(arrived, query) ? arrived.page : history.find(query);
    if (!page) {
      this.takeBack = history.read(query, this.client, (read) => {
        this.arrived = { topics, query, page: read };
        this.close();
      });
    }
    return page;
  }

  /** Asks whether somebody can have read up to `claim`. */
  examine(forerunners: Forerunners, claim: Position, settle: (refusal: Refusal | undefined) => void): void {
    this.takeBack = forerunners.wait(claim, (refusal) => {
      settle(refusal);
      this.close();
    });
  }

  /** It has taken too long: what is there is old when it can be used. */
  forget(): void {
    this.arrived = undefined;
  }

  /** Takes back what was asked, if anything was. */
  drop(): void {
    this.takeBack?.();
    this.takeBack = this.arrived = undefined;
  }

  private close(): void {
    this.takeBack = undefined;
    this.answered();
  }
}

/** Whether a page goes on where it is asked now: another leg with the same topics may be elsewhere. */
function isFit({ query, page }: Answer, { after, newestOnly }: PageQuery): boolean {
  return query.newestOnly === newestOnly && query.after <= after && after < page.through;
}
