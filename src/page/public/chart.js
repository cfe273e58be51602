/** How much of the past a chart shows, in milliseconds. */
const span = 120_000;
/** The line breaks where two figures are further apart, in milliseconds: figures are missing there. */
const maxPause = 3_500;

const width = 240;
const height = 56;

function create(name, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A line chart of the last two minutes, with the newest figure at the right edge. */
export class Chart {
  #points = [];
  #lowestTop;
  #svg = create('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img' });
  #area = create('path', { class: 'area' });
  #line = create('path', { class: 'line' });
  #newest = create('path', { class: 'newest' });

  /** @param lowestTop the smallest top of the scale, even if all figures are smaller */
  constructor(container, lowestTop) {
    this.#lowestTop = lowestTop;
    this.#svg.append(this.#area, this.#line, this.#newest);
    container.append(this.#svg);
  }

  add(at, value) {
    this.#points.push({ at, value });
    while (this.#points[0].at < at - span) this.#points.shift();
  }

  /** The largest figure in the chart. */
  get peak() {
    return Math.max(...this.#points.map(({ value }) => value));
  }

  /** @param label describes the chart to screen readers */
  draw(label) {
    const newest = this.#points.at(-1);
    const top = Math.max(this.#lowestTop, this.peak * 1.1);
    const x = (at) => (width * (1 - (newest.at - at) / span)).toFixed(1);
    const y = (value) => (height - 1 - (height - 4) * (value / top)).toFixed(1);
    let line = '';
    let area = '';
    for (const stretch of this.#stretches()) {
      const path = stretch.map(({ at, value }) => `${x(at)} ${y(value)}`).join('L');
      line += `M${path}`;
      area += `M${x(stretch[0].at)} ${height}L${path}L${x(stretch.at(-1).at)} ${height}Z`;
    }
    this.#line.setAttribute('d', line);
    this.#area.setAttribute('d', area);
    this.#newest.setAttribute('d', `M${x(newest.at)} ${y(newest.value)}h0`);
    this.#svg.setAttribute('aria-label', label);
  }

  #stretches() {
    const stretches = [];
    let last = -Infinity;
    for (const point of this.#points) {
      if (point.at - last > maxPause) stretches.push([]);
      stretches.at(-1).push(point);
      last = point.at;
    }
    return stretches;
  }
}
