import { Batch, type LogEvent } from '../../contracts/event.js';

/** With more events than this, sorting them takes longer than a pass over the whole round. */
const manyEvents = 256;

/**
 * Some events of a round of deliveries, as a list whose last element this is. Topics and patterns that match the same events
 * end at the same object, and so share its bytes.
 */
export class Selection {
  private latest: Selection | undefined;
  private branches: Map<LogEvent, Selection> | undefined;
  private made: Batch | undefined;
  private unions: Map<Selection, Union> | undefined;

  constructor(
    /** The last event; without it, the selection is empty. */
    readonly event?: LogEvent,
    /** The events before it. */
    readonly before?: Selection,
    /** The index of the event in the round. */
    readonly index = -1,
  ) {}

  /** This selection and one more event. @param index of the event in the round */
  with(event: LogEvent, index: number): Selection {
    const known = this.next(event);
    if (known) return known;
    const made = new Selection(event, this, index);
    // At the empty selection, all topics and patterns that match an event ask for it in a row: the latest one is the one to keep.
    if (!this.latest || !this.event) this.latest = made;
    else (this.branches ??= new Map()).set(event, made);
    return made;
  }

  /** The union of two selections: the same object for the same selections in the same order. */
  and(other: Selection): Selection | Union {
    return other === this ? this : union((this.unions ??= new Map()), this, other);
  }

  /** The events, as all members of this selection get them. */
  get batch(): Batch {
    return (this.made ??= new Batch(this.before?.event ? eventsOf(this) : [this.event!]));
  }

  /** The selection of this one and `event`, if it was made already. */
  next(event: LogEvent): Selection | undefined {
    return this.latest?.event === event ? this.latest : this.branches?.get(event);
  }
}

/** The union of several selections. */
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

  /** The events in order, each once. */
  get batch(): Batch {
    return (this.made ??= batchOf(elementsOf(this)));
  }

  /** The selections that it is made of. */
  static *parts(union: Selection | Union): Generator<Selection> {
    let part = union;
    for (; part instanceof Union; part = part.one) yield part.other;
    yield part;
  }
}

/** The list elements of a union, in the order of their events, one for each event. */
function elementsOf(union: Union): Selection[] {
  const elements: Selection[] = [];
  for (const part of Union.parts(union)) for (let at = part; at.event; at = at.before!) elements.push(at);
  if (elements.length > manyEvents) return inOrder(elements);
  elements.sort((a, b) => a.index - b.index);
  return elements.filter(({ index }, at) => index !== elements[at - 1]?.index);
}

/** The same without comparisons: patterns that overlap bring the same event many times. */
function inOrder(elements: readonly Selection[]): Selection[] {
  const first = elements.reduce((least, { index }) => Math.min(least, index), Infinity);
  const ordered: (Selection | undefined)[] = [];
  for (const each of elements) {
    while (ordered.length <= each.index - first) ordered.push(undefined);
    ordered[each.index - first] = each;
  }
  return ordered.filter((each) => each !== undefined);
}

/** The batch of a single pattern that matches the same events, if there is one; otherwise a new batch. */
function batchOf(elements: readonly Selection[]): Batch {
  let same: Selection | undefined = elements[0];
  for (let at = 1; same && at < elements.length; at++) same = same.next(elements[at]!.event!);
  return same?.batch ?? new Batch(elements.map(({ event }) => event!));
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
