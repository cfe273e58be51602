import { drawn, element, keep, mark, say } from './elements.js';

const height = 100;

/** A small chart of ten minutes: areas on top of each other, the newest at the right edge, and the figure of now. */
export class Chart {
  #measure;
  #now = element('span');
  #top = element('span', { class: 'scale' });
  #lines = drawn('g');
  #cursor = drawn('path', { class: 'cursor' });
  #svg;
  #legend = element('ul', { class: 'legend' });
  element;
  plot;

  constructor(measure) {
    this.#measure = measure;
    const grid = drawn('path', { class: 'grid', d: `M0 0.5H1000M0 ${height / 2}H1000M0 ${height}H1000` });
    this.#svg = drawn('svg', { viewBox: `0 0 1000 ${height}`, preserveAspectRatio: 'none', role: 'img' });
    this.#svg.append(grid, this.#lines, this.#cursor);
    const times = element('div', { class: 'times', 'aria-hidden': 'true' });
    times.append(...['−10 min', '−5 min', 'now'].map((text) => element('span', {}, text)));
    this.#top.setAttribute('aria-hidden', 'true');
    this.plot = element('div', { class: 'plot' }, this.#svg, this.#top, times);
    const heading = element('h4', {}, measure.title);
    const value = element('p', { class: 'now' }, this.#now, ' ', element('small', {}, measure.unit));
    this.element = element('article', { class: 'tile', id: `chart-${measure.id}` });
    this.element.append(element('header', {}, heading, value), this.plot, this.#legend);
  }

  /**
   * @param lines `{ label, values }` each
   * @param totals what they make together
   * @param cursor the index that the pointer is at, if it is at one
   */
  draw({ lines, totals }, cursor) {
    const known = totals.filter((value) => value !== undefined);
    const top = niceTop(Math.max(this.#measure.least, ...known));
    const index = cursor ?? totals.findLastIndex((value) => value !== undefined);
    this.#stack(lines, totals, top);
    this.#point(cursor, totals.length);
    say(this.#top, this.#measure.format(top));
    say(this.#now, this.#measure.format(totals[index]));
    this.#tell(lines, index);
    mark(this.#svg, 'aria-label', this.#described(known, totals[index]));
  }

  #stack(lines, totals, top) {
    const bases = totals.map(() => 0);
    const x = (index) => ((index / (totals.length - 1)) * 1000).toFixed(1);
    const y = (value) => (height - (value / top) * height).toFixed(1);
    const paths = lines.map(({ values }, at) => {
      let line = '';
      let area = '';
      for (const [from, to] of stretches(totals)) {
        const upper = [];
        const lower = [];
        for (let index = from; index <= to; index++) {
          lower.unshift(`${x(index)} ${y(bases[index])}`);
          bases[index] += values[index] ?? 0;
          upper.push(`${x(index)} ${y(bases[index])}`);
        }
        line += `M${upper.join('L')}${upper.length === 1 ? 'h0.1' : ''}`;
        area += `M${upper.join('L')}L${lower.join('L')}Z`;
      }
      return { at, line, area };
    });
    // The lower ones lie over the upper ones: where a line adds nothing, the one below it is seen.
    keep(this.#lines, paths.reverse(), ({ at }) => String(at), makeLine, updateLine);
  }

  #point(cursor, points) {
    const x = cursor === undefined ? -10 : (cursor / (points - 1)) * 1000;
    mark(this.#cursor, 'd', cursor === undefined ? 'M0 0' : `M${x.toFixed(1)} 0V${height}`);
  }

  /** A line that is all there is needs no legend. */
  #tell(lines, index) {
    const shown = lines.length > 1 || this.#measure.isNamed ? lines.map((line, at) => ({ ...line, at })) : [];
    const make = ({ at }) => element('li', { 'data-series': at + 1 });
    keep(
      this.#legend,
      shown,
      ({ label }) => label,
      make,
      (item, { label, values, at }) => {
        mark(item, 'data-series', at + 1);
        say(item, `${label} ${this.#measure.format(values[index] ?? 0)}`);
      },
    );
  }

  #described(known, now) {
    const { title, unit, format } = this.#measure;
    if (known.length === 0) return `${title}: nothing is known yet.`;
    const range = `between ${format(Math.min(...known))} and ${format(Math.max(...known))}`;
    return `${title} ${unit}: ${format(now)}, in the last ten minutes ${range}.`.replace(' :', ':');
  }
}

function makeLine({ at }) {
  return drawn(
    'g',
    { 'data-series': at + 1 },
    drawn('path', { class: 'area' }),
    drawn('path', { class: 'line' }),
  );
}

function updateLine(group, { line, area }) {
  mark(group.firstChild, 'd', area || 'M0 0');
  mark(group.lastChild, 'd', line || 'M0 0');
}

/** Where values are known: `[first, last]` of each stretch. */
function stretches(values) {
  const found = [];
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue;
    if (index > 0 && values[index - 1] !== undefined) found.at(-1)[1] = index;
    else found.push([index, index]);
  }
  return found;
}

/** 1, 2 or 5 times a power of ten. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= value);
}
