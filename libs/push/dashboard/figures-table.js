import { time, unknown } from './format.js';
import { measures } from './measures.js';
import { step } from './series.js';
import { Table } from './table.js';

/** The points of a chart in one row. */
const perRow = 60_000 / step;

/** The charts for those who do not see them: a row for each minute, the newest first. */
export class FiguresTable {
  #fold;
  #table;

  /** @param fold a `<details>`: the table is drawn while it is open */
  constructor(fold, container) {
    this.#fold = fold;
    this.#table = new Table(container, {
      caption: 'The figures of the charts: the mean of each minute; of lag, delay and CPU the largest',
      columns: [
        { title: 'Minute from', text: ({ from }) => time(from), isHeading: true },
        ...measures.map(({ title, unit, format }, index) => ({
          title: unit ? `${title}, ${unit}` : title,
          isNumber: true,
          text: ({ values }) => (values[index] === undefined ? unknown : format(values[index])),
        })),
      ],
      keyOf: ({ row }) => String(row),
      empty: 'Nothing is known yet.',
    });
  }

  /** @param data what is charted, in the order of the measures */
  draw(times, data) {
    if (!this.#fold.open) return;
    const rows = [];
    for (let end = times.length; end >= perRow; end -= perRow) {
      const values = data.map(({ totals }, index) =>
        summed(totals.slice(end - perRow, end), measures[index].over),
      );
      if (values.some((value) => value !== undefined))
        rows.push({ row: rows.length, from: times[end - perRow], values });
    }
    this.#table.draw(rows);
  }
}

function summed(values, over) {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return over === 'max' ? Math.max(...known) : known.reduce((sum, value) => sum + value, 0) / known.length;
}
