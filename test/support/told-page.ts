import { readFile } from 'node:fs/promises';
import type { Scrape } from './scraped.js';

/** A claim of the page, such as "`backplane.outages` grows by 1". */
export interface Claim {
  readonly text: string;
  /** Whether it holds for what was scraped before and now. */
  holds(before: Scrape, now: Scrape): boolean;
}

/** A part of a line of the log. */
export interface PageLine {
  readonly level: string;
  readonly text: string;
}

/** A row of the table in docs/outage.md. */
export interface PageRow {
  readonly title: string;
  readonly claims: readonly Claim[];
  /** What each health check answers. */
  readonly health: Readonly<Record<string, number>>;
  /** What the log has by now. */
  readonly lines: readonly PageLine[];
}

/** The rows of the table in docs/outage.md, by what happens. */
export async function readOutagePage(): Promise<PageRow[]> {
  const page = await readFile('libs/push/docs/outage.md', 'utf8');
  const rows = page.split('\n').filter((line) => /^\| [A-Z]/.test(line));
  return rows.map((line) => {
    const [, title, metrics, health, log] = line.split('|').map((cell) => cell.trim());
    return {
      title: title!,
      claims: claimsOf(metrics!),
      health: Object.fromEntries(
        Array.from(health!.matchAll(/`(\w+)` (\d+)/g), ([, name, status]) => [name!, Number(status)]),
      ),
      lines: Array.from(log!.matchAll(/([A-Z]+) `([^`]+)`/g), ([, level, text]) => ({
        level: level!,
        text: text!,
      })),
    };
  });
}

function claimsOf(cell: string): Claim[] {
  const texts = cell.split(/,(?= `)/).map((text) => text.trim());
  return texts.map((text) => {
    const parts = /^`([a-z.]+)(?:\{([a-z.]+)="(\w*)"\})?` (?:is (\d+)|grows by (\d+)|(grows|stays))$/.exec(
      text,
    );
    if (!parts) throw new Error(`The page claims what cannot be checked: ${text}`);
    const [, name, label, value, exact, by, change] = parts;
    const of = (scrape: Scrape) => valueOf(scrape, name!, label, value);
    const holds = (before: Scrape, now: Scrape) => {
      if (exact !== undefined) return of(now) === Number(exact);
      const grown = of(now) - of(before);
      if (by !== undefined) return grown === Number(by);
      return change === 'grows' ? grown > 0 : grown === 0;
    };
    return { text, holds };
  });
}

/** What nothing was counted for yet is 0. An empty label is one that the sample does not have. */
function valueOf(scrape: Scrape, short: string, label?: string, value?: string): number {
  const name = short.replaceAll('.', '_');
  const names = ['nestjs_push_', 'messaging_client_'].flatMap((prefix) => [
    prefix + name,
    `${prefix}${name}_total`,
  ]);
  const found = scrape.samples.filter((sample) => {
    const key = label === 'reason' ? 'nestjs_push_reason' : label?.replaceAll('.', '_');
    return names.includes(sample.name) && (!key || (sample.labels[key] ?? '') === value);
  });
  return found.reduce((sum, sample) => sum + sample.value, 0);
}
