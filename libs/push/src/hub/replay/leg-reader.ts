import type { HistoryPage } from '../../contracts/backplane.js';
import type { Connection } from '../../contracts/connection.js';
import { PushError } from '../../contracts/errors.js';
import type { LogEvent } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import { refusalOf } from './forerunners.js';
import { Inquiry } from './inquiry.js';
import type { Join } from './join.js';
import type { Leg, Loss } from './leg.js';
import type { NodeLog } from './node-log.js';

/** What is done in one step, in units of work. */
export const stepUnits = 512;

/** What it costs to ask the backplane, in units of work. */
const pageUnits = 256;

/** Who is read for. */
export interface Recipient {
  readonly connection: Connection;
  /** Something is there that was waited for. */
  advance(): void;
  /** Charges work to its client. */
  spend(units: number): void;
  write(events: readonly LogEvent[]): void;
  /** Something was written: is there room for more? */
  written(hasRoom: boolean): void;
  end(error: PushError): void;
}

/** A join, and the topics that it is to reach. */
export interface Beside {
  readonly join: Join;
  readonly main: Leg;
}

/** Takes the legs of a connection through the log, in steps of bounded work, each of them charged. */
export class LegReader {
  private readonly inquiry: Inquiry;

  constructor(
    private readonly log: NodeLog,
    private readonly recipient: Recipient,
  ) {
    const { connection } = recipient;
    this.inquiry = new Inquiry(connection.budget ?? connection, () => recipient.advance());
  }

  /** Whether the backplane was asked, and has not answered. */
  get isWaiting(): boolean {
    return this.inquiry.isOpen;
  }

  /** What the backplane has answered is old when it can be used. */
  forget(): void {
    this.inquiry.forget();
  }

  /** Takes back what the backplane was asked. */
  drop(): void {
    this.inquiry.drop();
  }

  /** Finds out whether a connection was where it wants to go on. Nothing moves until that is known, and this node there. */
  examine(join: Join, claim: Position): void {
    const { forerunners, epoch, window } = this.log;
    const doubt = refusalOf(claim, { epoch, sequence: window.head });
    if (!doubt || !forerunners) {
      join.settle(doubt);
      return;
    }
    this.inquiry.examine(forerunners, claim, (refusal) => join.settle(refusal));
  }

  /**
   * Takes `leg` one step further: first it is found out what was lost, then it is told, then what is there is read.
   *
   * @param beside what the other topics have brought is not brought again
   * @returns whether it has reached `through`
   */
  step(leg: Leg, through: number, beside?: Beside): boolean {
    const isThere = leg.sequence >= through && !leg.notice;
    if (isThere && !(beside && leg.isLenient)) return true;
    this.recipient.spend(leg.cost + leg.check(through, stepUnits));
    if (isThere || !leg.isChecked) return isThere && leg.isChecked;
    const query = leg.missing(through);
    const page = query && this.inquiry.page(this.log.history!, leg, query);
    if (query) this.recipient.spend(query.topics.length + (page ? 0 : pageUnits));
    if (query && !page) return false;
    const untold = leg.untold(page);
    if (untold.length > 0) this.admit(leg, through, untold, page);
    else this.bring(leg, through, page, beside);
    return false;
  }

  private bring(leg: Leg, through: number, page: HistoryPage | undefined, beside: Beside | undefined): void {
    const newsCost = beside?.join.newsCost(beside.main) ?? 0;
    const stretch = leg.read(through, page, { entries: Math.ceil(stepUnits / (1 + newsCost)) });
    this.recipient.spend(stretch.looked + newsCost * stretch.events.length);
    leg.sequence = stretch.through;
    this.recipient.write(beside ? beside.join.news(stretch.events, beside.main) : stretch.events);
  }

  /** Deals with events that are gone, by the policy of their topics. */
  private admit(leg: Leg, through: number, untold: readonly Loss[], page: HistoryPage | undefined): void {
    const reason = leg.notice ?? leg.reason;
    const topics = untold.map(({ subscription }) => subscription.pattern);
    const policies = topics.map((pattern) =>
      reason === 'slow' ? this.log.rules.slowPolicyOf(pattern) : 'gap',
    );
    if (policies.includes('disconnect')) {
      const message = `Too slow: events of ${topics.join(', ')} are gone that were not read yet. Load the state again, then reconnect.`;
      this.recipient.end(new PushError('TOO_SLOW', message));
      return;
    }
    this.recipient.spend(leg.tell(untold, through, page, stepUnits).looked);
    const { head } = this.log.window;
    untold.forEach(({ subscription }, index) => policies[index] === 'latest' && subscription.conflate(head));
    this.log.gaps++;
    this.recipient.written(
      this.recipient.connection.gap({ reason, topics, id: this.log.print(leg.sequence) }),
    );
  }
}
