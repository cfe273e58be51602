import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { peerNamed } from '../peers.js';
import type { Column, Figures } from '../scenario.js';
import { chart } from './chart.js';
import { verdicts, verdictTable } from './claims.js';
import type { Result } from './result.js';

const directory = fileURLToPath(new URL('../../results/', import.meta.url));

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

/** The results of earlier runs of this kind that `results` do not replace, and those. */
export function withEarlier(kind: string, results: readonly Result[], order: readonly string[]): Result[] {
  const all = [...results, ...read(kind).filter(({ name }) => results.every((each) => each.name !== name))];
  return all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** Writes tables (`.md`), data (`.json`) and a chart (`.svg`). Returns where. */
export function save(kind: string, results: readonly Result[]): string {
  mkdirSync(directory, { recursive: true });
  const claims = verdicts(results);
  writeFileSync(`${directory}${kind}.json`, `${JSON.stringify({ claims, results }, null, 2)}\n`);
  writeFileSync(`${directory}${kind}.md`, [verdictTable(claims), ...results.map(table)].join('\n'));
  const drawing = chartOf(results);
  if (drawing) writeFileSync(`${directory}${kind}.svg`, drawing);
  return `${directory}${kind}.*`;
}

/** The chart of the first saturation scenario, if there is one. */
export function chartOf(results: readonly Result[]): string | undefined {
  const saturation = results.find(({ name }) => name.startsWith('saturation'));
  return saturation && chart(saturation);
}

export function titleOf(name: string): string {
  const { title, transport } = peerNamed(name);
  return `${transport}: ${title}`;
}

function read(kind: string): readonly Result[] {
  try {
    return (JSON.parse(readFileSync(`${directory}${kind}.json`, 'utf8')) as { results: Result[] }).results;
  } catch {
    return [];
  }
}

function cell(figures: Figures, { key, digits = 0 }: Column): string {
  const value = figures[key];
  if (typeof value !== 'number') return value ?? '';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
