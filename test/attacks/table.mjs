const columns = [
  ['attack', 16, ({ attack }) => attack],
  ['limits', 8, ({ limits }) => limits],
  ['block', 6, ({ block }) => rounded(block)],
  ['by clock', 9, ({ blockByClock }) => rounded(blockByClock)],
  ['ticks', 12, ({ ticks, expected }) => (ticks === undefined ? '' : `${ticks}/${expected}`)],
  ['ws', 4, ({ websocket }) => yes(websocket)],
  ['sse', 4, ({ sse }) => yes(sse)],
  ['cpu ms', 7, ({ cpu }) => rounded(cpu)],
  ['rss MB', 7, ({ mostMemory }) => rounded(mostMemory / 2 ** 20)],
  ['heap +MB', 9, ({ heapGrew }) => rounded(heapGrew / 2 ** 20)],
];

/** What the columns are. */
export function printHead() {
  console.log(
    'block: the longest time that the application held its event loop, in ms; by clock: with what else the',
  );
  console.log(
    'machine did meanwhile. ticks: events published of those expected; ws, sse: whether the witness got all.\n',
  );
  console.log(row(columns.map(([name, width]) => name.padEnd(width))));
}

export function lineOf(result) {
  const cells = columns.map(([, width, cell]) => cell(result).padEnd(width));
  const verdict = result.faults.length === 0 ? 'ok' : `FAULT: ${result.faults.join('; ')}`;
  return row([...cells, [verdict, result.note].filter(Boolean).join(' · ')]);
}

function row(cells) {
  return cells.join(' ').trimEnd();
}

function rounded(value) {
  return Number.isFinite(value) ? `${Math.round(value)}` : '';
}

function yes(value) {
  return value === undefined ? '' : value ? 'all' : 'NO';
}
