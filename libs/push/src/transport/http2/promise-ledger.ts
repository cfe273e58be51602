/** What one connection was promised: the paths, oldest first, and how many of those pushes are still under way. */
interface Account {
  readonly paths: Set<string>;
  open: number;
}

/**
 * Remembers per connection what it was promised, so that no path is promised twice and no client gets more pushed streams
 * at once than it may. What it knows of a connection goes when the connection goes.
 */
export class PromiseLedger<Session extends object> {
  private readonly accounts = new WeakMap<Session, Account>();

  constructor(
    private readonly maxRemembered: number,
    private readonly maxConcurrent: number,
  ) {}

  /**
   * Enters a promise, if it may be made; `close` MUST follow once its stream is closed.
   *
   * @param clientMaximum how many pushed streams the client allows at once
   * @returns why it may not be made, otherwise `undefined`
   */
  open(session: Session, path: string, clientMaximum: number): 'promised' | 'concurrency' | undefined {
    const account = this.accountOf(session);
    if (account.paths.has(path)) return 'promised';
    if (account.open >= Math.min(this.maxConcurrent, clientMaximum)) return 'concurrency';
    account.open++;
    if (account.paths.size >= this.maxRemembered) {
      const [oldest] = account.paths;
      account.paths.delete(oldest!);
    }
    account.paths.add(path);
    return undefined;
  }

  close(session: Session): void {
    this.accountOf(session).open--;
  }

  private accountOf(session: Session): Account {
    let account = this.accounts.get(session);
    if (!account) this.accounts.set(session, (account = { paths: new Set(), open: 0 }));
    return account;
  }
}
