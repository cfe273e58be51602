import { element, keep, mark, say } from './elements.js';

/**
 * A table. On a small screen its rows are cards, so its parts have their roles said.
 *
 * A column is `{ title, text(row) }` or `{ title, fill(cell, row) }`, and may have `isNumber`, `isHeading`, `isWide` (in a
 * card) and `sort(row)`. With `details(cell, row)`, a row whose key is in `open` has a second one below it.
 */
export class Table {
  open = new Set();
  #columns;
  #rowKey;
  #levelOf;
  #details;
  #body = element('tbody', { role: 'rowgroup' });
  #table;
  #empty;
  #heads;
  #sorted;
  #onSort;

  /** @param onSort called when the operator has sorted the table: it is to be drawn again */
  constructor(container, { caption, columns, keyOf, empty, levelOf = () => null, details, onSort }) {
    this.#columns = columns;
    this.#rowKey = keyOf;
    this.#levelOf = levelOf;
    this.#details = details;
    this.#onSort = onSort;
    this.#empty = element('p', { class: 'empty' }, empty);
    this.#heads = columns.map((column) => this.#head(column));
    const head = element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...this.#heads));
    this.#table = element('table', { role: 'table' });
    this.#table.append(element('caption', { class: 'unseen' }, caption), head, this.#body);
    container.classList.add('cards');
    container.append(this.#table, this.#empty);
  }

  /** @param empty what to say when there are no rows, if it is not what it was */
  draw(rows, empty) {
    this.#table.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
    if (empty !== undefined) say(this.#empty, empty);
    const drawnRows = this.#inOrder(rows).flatMap((row) => this.#withDetails(row));
    keep(
      this.#body,
      drawnRows,
      ({ key }) => key,
      (item) => this.#make(item),
      (tr, item) => this.#update(tr, item),
    );
  }

  #head(column) {
    const head = element('th', { scope: 'col', role: 'columnheader', class: classOf(column) });
    if (!column.sort) {
      head.append(column.title);
      return head;
    }
    head.append(
      element('button', { type: 'button', on: { click: () => this.#sortBy(column) } }, column.title),
    );
    return head;
  }

  /** First the largest, or a to z, then the other way round, then as it was. */
  #sortBy(column) {
    const first = column.isNumber ? -1 : 1;
    if (this.#sorted?.column !== column) this.#sorted = { column, direction: first };
    else this.#sorted = this.#sorted.direction === first ? { column, direction: -first } : undefined;
    for (const [index, head] of this.#heads.entries()) {
      const isSorted = this.#columns[index] === this.#sorted?.column;
      mark(head, 'aria-sort', isSorted ? (this.#sorted.direction > 0 ? 'ascending' : 'descending') : null);
    }
    this.#onSort?.();
  }

  #inOrder(rows) {
    if (!this.#sorted) return rows;
    const { column, direction } = this.#sorted;
    return [...rows].sort((a, b) => direction * compared(column.sort(a), column.sort(b)));
  }

  #withDetails(row) {
    const key = this.#rowKey(row);
    const shown = { key: `row ${key}`, row };
    return this.open.has(key) ? [shown, { key: `details ${key}`, row, isDetails: true }] : [shown];
  }

  #make({ isDetails }) {
    const tr = element('tr', { role: 'row' });
    if (isDetails) {
      tr.append(element('td', { class: 'whole', role: 'cell', colspan: this.#columns.length }));
      return tr;
    }
    for (const column of this.#columns) {
      const { title, isHeading } = column;
      const attributes = { 'data-label': title, class: classOf(column) };
      tr.append(
        isHeading
          ? element('th', { scope: 'row', role: 'rowheader', ...attributes })
          : element('td', { role: 'cell', ...attributes }),
      );
    }
    return tr;
  }

  #update(tr, { row, isDetails }) {
    if (isDetails) return this.#details(tr.firstChild, row);
    mark(tr, 'data-level', this.#levelOf(row));
    for (const [index, { text, fill }] of this.#columns.entries()) {
      const cell = tr.children[index];
      if (fill) fill(cell, row);
      else say(cell, text(row));
    }
  }
}

const classOf = ({ isNumber, isWide }) => (isNumber ? 'number' : isWide && 'wide');

/** What is unknown comes last among the largest first. */
function compared(a, b) {
  if (typeof a === 'string' || typeof b === 'string') return String(a ?? '').localeCompare(String(b ?? ''));
  return (a ?? -Infinity) === (b ?? -Infinity) ? 0 : (a ?? -Infinity) - (b ?? -Infinity);
}

/** A word with a dot in a cell: `good`, `warn`, `bad` or `idle`. */
export function showState(cell, level, word) {
  if (!cell.firstChild)
    cell.append(element('span', { class: 'state' }, element('span', { class: 'dot' }), element('span')));
  mark(cell.firstChild, 'data-level', level);
  say(cell.firstChild.lastChild, word);
}
