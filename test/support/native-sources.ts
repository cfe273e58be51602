import type { Page as ChromiumPage } from 'playwright-core';
import type { Page as FirefoxPage } from 'puppeteer-core';

/** What a page has seen of one `EventSource`. */
export interface NativeSource {
  /** 0 connecting, 1 open, 2 closed for good. */
  readonly state: number;
  readonly data: readonly unknown[];
  /** Codes of `push.error` that were told. */
  readonly errors: readonly string[];
}

/** A page with native `EventSource`s, in whichever browser. */
export class NativeSources {
  constructor(private readonly page: Pick<ChromiumPage, 'evaluate'> | Pick<FirefoxPage, 'evaluate'>) {}

  /** Opens `count` more to `path`. */
  async open(path: string, count: number): Promise<void> {
    await this.run(`
      window.sources ??= [];
      for (let n = 0; n < ${count}; n++) {
        const source = new EventSource(${JSON.stringify(path)});
        const seen = { source, data: [], errors: [] };
        source.onmessage = ({ data }) => seen.data.push(JSON.parse(data).data);
        source.addEventListener('push.error', ({ data }) => seen.errors.push(JSON.parse(data).code));
        window.sources.push(seen);
      }`);
  }

  /** Closes the first `count`. */
  async close(count: number): Promise<void> {
    await this.run(`window.sources.splice(0, ${count}).forEach(({ source }) => source.close())`);
  }

  async seen(): Promise<NativeSource[]> {
    const all = 'window.sources.map(({ source, ...seen }) => ({ ...seen, state: source.readyState }))';
    return (await this.run(all)) as NativeSource[];
  }

  private run(code: string): Promise<unknown> {
    return (this.page.evaluate as (code: string) => Promise<unknown>).call(this.page, code);
  }
}
