/** What one connection has: the paths, oldest first, and how many of its pushes are still under way. */
interface Account {
  readonly paths: Set<string>;
  open: number;
}

/** How many different paths are known as resources; requests for others are not looked at. */
const maxResources = 10_000;

/**
 * Remembers per connection what it was promised, or has asked for itself, so that no path is promised to who has it, and no
 * client gets more pushed streams at once than it may. What it knows of a connection goes when the connection goes.
 */
export class PromiseLedger<Session extends object> {
  private readonly accounts = new WeakMap<Session, Account>();
  /** Everything that was offered to anybody. */
  private readonly resources = new Set<string>();

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
    if (this.resources.size < maxResources) this.resources.add(path);
    const account = this.accountOf(session);
    if (account.paths.has(path)) return 'promised';
    if (account.open >= Math.min(this.maxConcurrent, clientMaximum)) return 'concurrency';
    account.open++;
    this.remember(account, path);
    return undefined;
  }

  /** Whether a path is one that pages offer. */
  isResource(path: string): boolean {
    return this.resources.has(path);
  }

  /** The client has got a resource by asking for it. */
  note(session: Session, path: string): void {
    this.remember(this.accountOf(session), path);
  }

  close(session: Session): void {
    this.accountOf(session).open--;
  }

  private remember({ paths }: Account, path: string): void {
    if (paths.size >= this.maxRemembered && !paths.has(path)) {
      const [oldest] = paths;
      paths.delete(oldest!);
    }
    paths.add(path);
  }

  private accountOf(session: Session): Account {
    let account = this.accounts.get(session);
    if (!account) this.accounts.set(session, (account = { paths: new Set(), open: 0 }));
    return account;
  }
}
