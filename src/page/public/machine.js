import { Chart } from './chart.js';

const percent = (part, whole) => (100 * part) / whole;

function bytes(count) {
  const gigabytes = count / 2 ** 30;
  return gigabytes >= 1 ? `${gigabytes.toFixed(1)} GB` : `${Math.round(count / 2 ** 20)} MB`;
}

function milliseconds(value) {
  return value >= 100 ? Math.round(value).toString() : value.toFixed(value >= 10 ? 1 : 2);
}

/** How each figure is displayed. */
const panels = {
  load: {
    lowestTop: 1,
    value: ({ load }) => load.oneMinute,
    print: (value) => value.toFixed(2),
    unit: ({ load }) => (load.cores === 1 ? 'on one core' : `on ${load.cores} cores`),
    detail: ({ load }) => `5 min ${load.fiveMinutes.toFixed(2)} · 15 min ${load.fifteenMinutes.toFixed(2)}`,
  },
  memory: {
    lowestTop: 100,
    value: ({ memory }) => percent(memory.used, memory.total),
    print: (value) => value.toFixed(1),
    unit: () => '%',
    detail: ({ memory }) => `${bytes(memory.used)} of ${bytes(memory.total)} · desk ${bytes(memory.process)}`,
  },
  delay: {
    lowestTop: 5,
    value: ({ delay }) => delay.p99,
    print: milliseconds,
    unit: () => 'ms',
    detail: ({ delay }) =>
      `99th percentile · mean ${milliseconds(delay.mean)} · worst ${milliseconds(delay.max)}`,
  },
};

/** Shows the figures of the last two minutes, then new ones every second. */
export function showMachine(push) {
  const show = Object.entries(panels).map(([id, panel]) => showFigure(document.getElementById(id), panel));
  const connections = document.getElementById('connections');
  const unit = document.getElementById('connections-unit');

  push.on(
    'machine.figures',
    (figures) => {
      for (const showOne of show) showOne(figures);
      connections.value = figures.connections;
      unit.textContent = figures.connections === 1 ? 'connection' : 'connections';
    },
    { from: 'earliest' },
  );
}

function showFigure(article, { lowestTop, value, print, unit, detail }) {
  const title = article.querySelector('h3').textContent;
  const chart = new Chart(article.querySelector('.chart'), lowestTop);
  const output = article.querySelector('output');
  let frame;

  return (figures) => {
    const figure = value(figures);
    chart.add(figures.at, figure);
    // Two minutes of figures arrive at once. Draw them in one frame.
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      output.value = print(figure);
      article.querySelector('.unit').textContent = unit(figures);
      const peak = `peak ${print(chart.peak)}`;
      article.querySelector('.detail').textContent = `${peak} · ${detail(figures)}`;
      chart.draw(`${title} over the last two minutes, ${peak} ${unit(figures)}`);
    });
  };
}
