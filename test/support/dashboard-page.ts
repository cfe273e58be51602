import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { record, type PageRecord } from './chromium.js';
import { afterTest } from './cleanup.js';

/** How long a page may take for one step on a busy machine, in milliseconds. */
const patience = 100_000;

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds on a page. */
interface Findings {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
  }[];
}

/** The dashboard, in a browser profile of its own. */
export class DashboardPage {
  private constructor(
    readonly page: Page,
    readonly record: PageRecord,
  ) {}

  /** Opens it, and waits until it is live. */
  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<DashboardPage> {
    const context = await browser.newContext(options);
    afterTest(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const dashboard = new DashboardPage(page, record(page));
    await page.goto(url);
    await dashboard.isLive();
    return dashboard;
  }

  async isLive(): Promise<void> {
    await this.page.locator('#feed[data-status=live]').waitFor();
  }

  /** Opens a section by its link. */
  async go(section: string): Promise<void> {
    await this.page
      .getByRole('navigation')
      .getByRole('link', { name: new RegExp(`^${section}`) })
      .click();
    await this.page.getByRole('heading', { level: 2, name: section, exact: true }).waitFor();
  }

  /** A row of a table, by what it says. */
  row(table: string, ...texts: (string | RegExp)[]): Locator {
    const rows = this.page.getByRole('table', { name: table }).getByRole('row');
    return texts.reduce<Locator>((found, hasText) => found.filter({ hasText }), rows);
  }

  /** Waits until the page shows a text, and says what it shows instead if it does not. */
  async shows(text: string | RegExp): Promise<void> {
    try {
      await this.page.getByText(text).filter({ visible: true }).first().waitFor();
    } catch (cause) {
      throw new Error(`${String(text)} is not in: ${await this.page.locator('body').innerText()}`, { cause });
    }
  }

  /** The rules of accessibility that the page breaks, with what breaks them. */
  async violations(): Promise<string[]> {
    if (!(await this.page.evaluate("'axe' in window"))) await this.page.evaluate(axe);
    const { violations } = (await this.page.evaluate("axe.run({ resultTypes: ['violations'] })")) as Findings;
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    );
  }

  /** By how many pixels the page is wider than the window. */
  async overflow(): Promise<number> {
    return (await this.page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number;
  }
}
