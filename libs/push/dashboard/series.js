/** How much of the past is kept, in milliseconds. */
export const span = 600_000;
/** The time between two points of a chart, in milliseconds. */
export const step = 5_000;
/** How long a sample stands for what comes after it, in milliseconds: reports may be late. */
const hold = 12_000;
/** The most figures that are kept of a sample. */
const mostFigures = 250;

/** The samples of one node, oldest first: one for each step of its clock, over ten minutes. */
export class Series {
  #samples = [];

  /** The newest one. */
  add(at, figures) {
    if (!Number.isFinite(at)) return;
    const sample = { at, figures: numbersOf(Object.entries(figures ?? {})) };
    const last = this.#samples.at(-1);
    if (last && at < last.at) return;
    // What is newer takes the place of what came in the same step, so that there are never more samples than steps. The first
    // one stays: counters have grown since then.
    const isSameStep = last && Math.floor(last.at / step) === Math.floor(at / step);
    if (isSameStep && this.#samples.length > 1) this.#samples.pop();
    this.#samples.push(sample);
    this.#forget(at - span - 2 * step);
  }

  /** What the node has kept from before the page was opened. */
  addPast(names, samples) {
    const first = this.#samples[0]?.at ?? Infinity;
    const older = samples
      .filter(([at]) => at < first)
      .slice(-(span / step + 1))
      .map(([at, ...values]) => ({
        at,
        figures: numbersOf(names.map((name, index) => [name, values[index]])),
      }));
    this.#samples.unshift(...older);
  }

  get newest() {
    return this.#samples.at(-1);
  }

  /** The value of a gauge now. */
  value(name) {
    return this.newest?.figures[name];
  }

  /** What a counter grows by in a second, over the last few seconds; `undefined` before there are two samples. */
  rate(name) {
    const last = this.newest;
    const before = this.#samples.findLast(({ at }) => at <= last.at - step) ?? this.#samples[0];
    return last && rateBetween(before, last, name);
  }

  /** How much a counter has grown since a time; over all the samples, if there are none from before that. */
  growth(name, since) {
    const last = this.newest;
    if (!last) return 0;
    const before = this.#samples.findLast(({ at }) => at <= since) ?? this.#samples[0];
    return Math.max(0, (last.figures[name] ?? 0) - (before.figures[name] ?? 0));
  }

  /** The names that begin with `prefix`. */
  names(prefix) {
    return Object.keys(this.newest?.figures ?? {}).filter((name) => name.startsWith(prefix));
  }

  /**
   * What there is for each of some times, which rise: the sample of that time, and one from `back` milliseconds earlier, or the
   * first of all. Figures are missing where there is no sample for a while.
   *
   * @param use called with the index of the time, the earlier and the later sample
   */
  between(times, back, use) {
    const samples = this.#samples;
    let last = -1;
    let first = 0;
    for (const [index, time] of times.entries()) {
      while (samples[last + 1]?.at <= time) last++;
      const after = samples[last];
      if (!after || time - after.at > hold) continue;
      while (first + 1 < last && samples[first + 1].at <= after.at - back) first++;
      use(index, samples[Math.min(first, last)], after);
    }
  }

  #forget(until) {
    const kept = this.#samples.findIndex(({ at }) => at > until);
    if (kept > 0) this.#samples.splice(0, kept);
  }
}

/** What a counter grew by in a second between two samples. */
export function rateBetween(before, after, name) {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0 || after.figures[name] === undefined) return undefined;
  // A code that was not refused before has no figure yet.
  return Math.max(0, after.figures[name] - (before.figures[name] ?? 0)) / seconds;
}

function numbersOf(entries) {
  const numbers = Object.create(null);
  for (const [name, value] of entries.slice(0, mostFigures))
    if (typeof value === 'number' && Number.isFinite(value)) numbers[name] = value;
  return numbers;
}
