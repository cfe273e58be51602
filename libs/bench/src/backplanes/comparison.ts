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
  readonly unit: string;
  /** What the figure has to reach, for people. */
  readonly target: string;
}

/** As a Markdown table. */
export function comparisonTable(title: string, comparisons: readonly Comparison[]): string {
  const number = (value: number | undefined, digits: number) =>
    value?.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) ?? '';
  const rows = comparisons.map(({ kind, what, unit, ours, raw, ratio, target }) => {
    const digits = digitsOf(unit);
    const over = ratio ?? (raw === undefined ? undefined : ours / raw);
    return [kind, `${what} (${unit})`, number(ours, digits), number(raw, digits), number(over, 2), target];
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
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
