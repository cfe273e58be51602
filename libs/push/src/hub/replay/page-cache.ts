import type { HistoryPage } from '../../contracts/backplane.js';
import { heldBytes } from '../window/held-bytes.js';

/** How much memory pages may take together, in bytes. */
const mostBytes = 16 * 1024 * 1024;

/** How long a page is kept, in milliseconds: as long as a storm of reconnects lasts, and no longer than its data may. */
const keptFor = 10_000;

interface KeptPage {
  readonly key: string;
  /** The page has everything after it. */
  readonly after: number;
  readonly page: HistoryPage;
  readonly bytes: number;
  readonly until: number;
}

/** Pages that were read lately, so that many readers of the same range share them. Bounded in bytes and in time. */
export class PageCache {
  /** By what was asked for, and in the order in which they came. */
  private readonly byKey = new Map<string, Set<KeptPage>>();
  private readonly order = new Set<KeptPage>();
  private bytesHeld = 0;
  private timer: NodeJS.Timeout | undefined;

  get bytes(): number {
    return this.bytesHeld;
  }

  /** A page that goes on after `after`. */
  find(key: string, after: number): HistoryPage | undefined {
    for (const kept of this.byKey.get(key) ?? [])
      if (kept.after <= after && after < kept.page.through) return kept.page;
    return undefined;
  }

  add(key: string, after: number, page: HistoryPage): void {
    const bytes = page.events.reduce((sum, event) => sum + event.topic.length + heldBytes(event), key.length);
    const kept: KeptPage = { key, after, page, bytes, until: performance.now() + keptFor };
    const same = this.byKey.get(key);
    if (same) same.add(kept);
    else this.byKey.set(key, new Set([kept]));
    this.order.add(kept);
    this.bytesHeld += bytes;
    for (const oldest of this.order) {
      if (this.bytesHeld <= mostBytes) break;
      this.drop(oldest);
    }
    this.timer ??= setTimeout(this.expire, keptFor).unref();
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.byKey.clear();
    this.order.clear();
    this.bytesHeld = 0;
  }

  private readonly expire = (): void => {
    const now = performance.now();
    this.timer = undefined;
    for (const kept of this.order) {
      if (kept.until > now) {
        this.timer = setTimeout(this.expire, kept.until - now).unref();
        return;
      }
      this.drop(kept);
    }
  };

  private drop(kept: KeptPage): void {
    this.order.delete(kept);
    this.bytesHeld -= kept.bytes;
    const same = this.byKey.get(kept.key)!;
    same.delete(kept);
    if (same.size === 0) this.byKey.delete(kept.key);
  }
}
