/** The paths that one connection has, oldest first, and how many of its pushes are open. */
interface Account {
  readonly paths: Set<string>;
  open: number;
}

/** How many paths are known as resources at most. Requests for other paths are ignored. */
const maxResources = 10_000;

/**
 * Remembers the paths that each connection was promised or has requested, so that none is promised twice. Also bounds how many
 * pushed streams a connection has at once. Everything about a connection is forgotten when it ends.
 */
export class PromiseLedger<Session extends object> {
  private readonly accounts = new WeakMap<Session, Account>();
  /** All paths that were offered to any client. */
  private readonly resources = new Set<string>();

  constructor(
    private readonly maxRemembered: number,
    private readonly maxConcurrent: number,
  ) {}

  /**
   * Records a promise, if it may be made. The caller MUST call `close` once its stream is closed.
   *
   * @param clientMaximum how many pushed streams the client allows at once
   * @returns the reason why it may not be made; `undefined` if it may
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

  /** Whether a page has offered this path. */
  isResource(path: string): boolean {
    return this.resources.has(path);
  }

  /** Records that the client has requested a resource. */
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
