import { Batch, type LogEvent } from '../../contracts/event.js';

/** From here on sorting them takes longer than going through the round. */
const manyPlaces = 256;

/**
 * Events of one round of deliveries that somebody wants. Who wants the same ones ends at the same selection, and shares
 * its bytes.
 */
export class Selection {
  private latest: Selection | undefined;
  private branches: Map<LogEvent, Selection> | undefined;
  private made: Batch | undefined;
  private unions: Map<Selection, Union> | undefined;

  constructor(
    readonly event?: LogEvent,
    readonly before?: Selection,
    /** Which of the round's events it is. */
    readonly place = -1,
  ) {}

  /** This selection and one event more. */
  with(event: LogEvent, place: number): Selection {
    const known = this.next(event);
    if (known) return known;
    const made = new Selection(event, this, place);
    // From the beginning many events go on, each of them for all in a row.
    if (!this.latest || !this.event) this.latest = made;
    else (this.branches ??= new Map()).set(event, made);
    return made;
  }

  /** What two selections select together; the same object for the same selections in the same order. */
  and(other: Selection): Selection | Union {
    return other === this ? this : union((this.unions ??= new Map()), this, other);
  }

  get batch(): Batch {
    return (this.made ??= new Batch(this.before?.event ? eventsOf(this) : [this.event!]));
  }

  /** What there is already of this selection and `event`. */
  next(event: LogEvent): Selection | undefined {
    return this.latest?.event === event ? this.latest : this.branches?.get(event);
  }
}

/** What several selections select together. */
export class Union {
  private made: Batch | undefined;
  private unions: Map<Selection, Union> | undefined;

  constructor(
    private readonly one: Selection | Union,
    private readonly other: Selection,
  ) {}

  and(other: Selection): Union {
    return other === this.other ? this : union((this.unions ??= new Map()), this, other);
  }

  get batch(): Batch {
    return (this.made ??= batchOf(placesOf(this)));
  }

  /** All that it selects, some of it several times. */
  static *parts(of: Selection | Union): Generator<Selection> {
    let part = of;
    for (; part instanceof Union; part = part.one) yield part.other;
    yield part;
  }
}

/** What it selects, in order and once. */
function placesOf(selected: Union): Selection[] {
  const places: Selection[] = [];
  for (const part of Union.parts(selected)) for (let at = part; at.event; at = at.before!) places.push(at);
  if (places.length > manyPlaces) return inOrder(places);
  places.sort((a, b) => a.place - b.place);
  return places.filter(({ place }, index) => place !== places[index - 1]?.place);
}

/** As sorted, without the comparisons: patterns that overlap much bring the same many times. */
function inOrder(places: readonly Selection[]): Selection[] {
  const first = places.reduce((least, { place }) => Math.min(least, place), Infinity);
  const ordered: (Selection | undefined)[] = [];
  for (const each of places) {
    while (ordered.length <= each.place - first) ordered.push(undefined);
    ordered[each.place - first] = each;
  }
  return ordered.filter((each) => each !== undefined);
}

/** The batch of those who select the same by one pattern, if there are such. */
function batchOf(places: readonly Selection[]): Batch {
  let same: Selection | undefined = places[0];
  for (let index = 1; same && index < places.length; index++) same = same.next(places[index]!.event!);
  return same?.batch ?? new Batch(places.map(({ event }) => event!));
}

function union(unions: Map<Selection, Union>, one: Selection | Union, other: Selection): Union {
  let made = unions.get(other);
  if (!made) unions.set(other, (made = new Union(one, other)));
  return made;
}

function eventsOf(selection: Selection): LogEvent[] {
  const events: LogEvent[] = [];
  for (let at: Selection | undefined = selection; at?.event; at = at.before) events.push(at.event);
  return events.reverse();
}
