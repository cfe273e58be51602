import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { peerNamed } from '../peers.js';
import type { Column, Figures, Scenario } from '../scenario.js';
import { chart } from './chart.js';
import type { Machine } from './machine.js';
import type { Result } from './result.js';

const directory = fileURLToPath(new URL('../../results/', import.meta.url));

export function resultOf({ name, title, columns }: Scenario, rows: Result['rows']): Result {
  return { name, title, columns, rows };
}

/** A Markdown table, which reads well in a terminal too. */
export function table({ title, columns, rows }: Result): string {
  const lines = [
    ['', ...columns.map((column) => column.title)],
    ...rows.map(({ peer, figures }) => [titleOf(peer), ...columns.map((column) => cell(figures, column))]),
  ];
  const widths = lines[0]!.map((_, index) => Math.max(3, ...lines.map((line) => line[index]!.length)));
  const print = (line: readonly string[]) =>
    `| ${line.map((text, index) => (index ? text.padStart(widths[index]!) : text.padEnd(widths[0]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (index ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [`### ${title}`, '', print(lines[0]!), rule, ...lines.slice(1).map(print), ''].join('\n');
}

/** Writes `latest.json`, `latest.md` and `latest.svg`. Returns where. */
export function save(machine: Machine, results: readonly Result[]): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}latest.json`, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  writeFileSync(`${directory}latest.md`, results.map(table).join('\n'));
  const saturation = results.find(({ name }) => name.startsWith('saturation'));
  if (saturation) writeFileSync(`${directory}latest.svg`, chart(saturation));
  return directory;
}

export function titleOf(name: string): string {
  const { title, transport } = peerNamed(name);
  return `${transport}: ${title}`;
}

function cell(figures: Figures, { key, digits = 0 }: Column): string {
  const value = figures[key];
  if (typeof value !== 'number') return value ?? '';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
