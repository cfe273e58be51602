import { Account } from './account.js';
import type { Limits } from './limits.js';
import { addressGroup } from './trusted-proxies.js';

/** How many accounts without a connection are kept at most. Beyond that, the one that has been idle for longest is dropped. */
const maxIdle = 10_000;

/** How often accounts that are as good as new are dropped, in milliseconds. */
const sweepInterval = 1_000;

/** All accounts of this node. An account without a connection is kept until it is as good as new. */
export class Accounts {
  private readonly all = new Map<string, Account>();
  /** Accounts without a connection; the one that has been idle for longest is first. */
  private readonly idle = new Set<Account>();
  private sweeping: NodeJS.Timeout | undefined;

  constructor(private readonly limits: Limits) {}

  /** How many there are. */
  get size(): number {
    return this.all.size;
  }

  /** The account of a principal. The caller MUST `release` it. */
  ofPrincipal(id: string): Account {
    return this.hold(`principal ${id}`, true);
  }

  /** The account that all clients without a principal at an address share. The caller MUST `release` it. */
  ofAddress(address: string): Account {
    return this.hold(`address ${addressGroup(address)}`, false);
  }

  release(account: Account): void {
    if (--account.holders > 0) return;
    if (account.untilFull === 0) {
      this.all.delete(account.key);
      return;
    }
    this.idle.add(account);
    if (this.idle.size > maxIdle) this.drop(this.idle.values().next().value!);
    this.sweeping ??= this.sweepLater();
  }

  private hold(key: string, isPrincipal: boolean): Account {
    let account = this.all.get(key);
    if (!account) this.all.set(key, (account = new Account(key, this.limits, isPrincipal)));
    this.idle.delete(account);
    account.holders++;
    return account;
  }

  private drop(account: Account): void {
    this.idle.delete(account);
    this.all.delete(account.key);
  }

  private sweepLater(): NodeJS.Timeout {
    return setTimeout(() => {
      for (const account of this.idle) if (account.untilFull === 0) this.drop(account);
      this.sweeping = this.idle.size > 0 ? this.sweepLater() : undefined;
    }, sweepInterval).unref();
  }
}
