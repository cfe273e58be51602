/** How long the rows of a list may be as JSON, in characters. Nodes send them to each other. */
const mostText = 48 * 1024;

/** The first of `rows`, as many as fit into one event. */
export function fitting<Row>(rows: readonly Row[]): readonly Row[] {
  let left = mostText;
  const first = rows.findIndex((row) => (left -= JSON.stringify(row).length) < 0);
  return first < 0 ? rows : rows.slice(0, first);
}

/** How long the data of an event that is shown may be, in characters. */
const mostData = 2_048;

/** The data of an event, as much as is shown of it. */
export function shownData(data: string): { readonly data: string; readonly cut: boolean } {
  const cut = data.length > mostData;
  return { data: cut ? data.slice(0, mostData) : data, cut };
}
