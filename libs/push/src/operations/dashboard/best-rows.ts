/** The first so many of all rows, in an order. What comes after them is not kept. */
export class BestRows<Row> {
  private readonly rows: Row[] = [];

  /** @param compare is negative if its first argument comes first */
  constructor(
    private readonly most: number,
    private readonly compare: (one: Row, other: Row) => number,
  ) {}

  /** In order. */
  get list(): readonly Row[] {
    return this.rows;
  }

  add(row: Row): void {
    const { rows, compare, most } = this;
    if (rows.length === most && compare(row, rows[most - 1]!) >= 0) return;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(row, rows[middle]!) < 0) high = middle;
      else low = middle + 1;
    }
    rows.splice(low, 0, row);
    if (rows.length > most) rows.pop();
  }
}
