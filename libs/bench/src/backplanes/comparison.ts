import type { Kind } from './server.js';

/** How the backplane and the server's own client compare, in the same run. */
export interface Comparison {
  readonly kind: Kind | 'memory';
  readonly what: string;
  readonly ours: number;
  /** The server's own client; nothing where the figure stands for itself. */
  readonly raw?: number;
  /** Ours over raw, where that is not the ratio of the two figures: a median of ratios. */
  readonly ratio?: number;
  /** The quartiles of what the ratio is the median of: how much a single turn says. */
  readonly spread?: readonly [lower: number, upper: number];
  readonly unit: string;
  /** What the figure has to reach, for people. */
  readonly target: string;
}

/** As a Markdown table. */
export function comparisonTable(title: string, comparisons: readonly Comparison[]): string {
  const number = (value: number | undefined, digits: number) =>
    value?.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) ?? '';
  const rows = comparisons.map(({ kind, what, unit, ours, raw, ratio, spread, target }) => {
    const digits = digitsOf(unit);
    const over = ratio ?? (raw === undefined ? undefined : ours / raw);
    const between = spread ? ` (${spread.map((value) => number(value, 2)).join('–')})` : '';
    return [
      kind,
      `${what} (${unit})`,
      number(ours, digits),
      number(raw, digits),
      `${number(over, 2)}${between}`,
      target,
    ];
  });
  const lines = [
    ['', '', 'nestjs-push', 'raw', 'ratio', 'target'],
    ['---', '---', '--:', '--:', '--:', '---'],
    ...rows,
  ];
  return [`### ${title}`, '', ...lines.map((line) => `| ${line.join(' | ')} |`), ''].join('\n');
}

/** How many digits a figure has after the point. */
function digitsOf(unit: string): number {
  if (/^(?:ms$|CPU m?s\b)/.test(unit)) return 2;
  return /^(?:s$|kB$|CPU)/.test(unit) ? 1 : 0;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** What a quarter of the values do not reach, and what a quarter of them exceed. */
export function quartiles(values: readonly number[]): [lower: number, upper: number] {
  return [quantile(values, 0.25), quantile(values, 0.75)];
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)]!;
}
