import { endOfToken } from '../../contracts/topic.js';

/** A node of a `TokenTree`. It stands for one or more tokens: those that all paths below it have in common after its parent. */
export abstract class TokenNode<N extends TokenNode<N>> {
  parent: N | undefined;
  /** The children, if there are no more than two: a map would be larger, and most nodes have none or two. */
  one: N | undefined;
  two: N | undefined;
  /** The children, if there are more, by their first tokens. */
  many: Map<string, N> | undefined;

  /** @param path all tokens from the root to this node, joined with dots; empty for the root */
  constructor(readonly path: string) {}

  /** Whether the node is needed for itself, and not only for its children. */
  abstract get isUsed(): boolean;

  /** The index at which a child's own tokens start in the child's path. */
  get end(): number {
    return this.path === '' ? 0 : this.path.length + 1;
  }

  /** The child whose first token is `token`. */
  child(token: string): N | undefined {
    if (this.many) return this.many.get(token);
    if (this.one && startsWith(this.one.path, this.end, token)) return this.one;
    if (this.two && startsWith(this.two.path, this.end, token)) return this.two;
    return undefined;
  }

  /** All children. */
  each(): Iterable<N> {
    return this.many?.values() ?? [this.one, this.two].filter((child) => child !== undefined);
  }

  /** How many children it has; 3 stands for three or more. */
  get children(): 0 | 1 | 2 | 3 {
    if (this.many) return 3;
    return this.two ? 2 : this.one ? 1 : 0;
  }
}

/**
 * A compressed prefix tree of topics, by tokens. A node stands for all tokens up to the next branch, so that there are at most
 * twice as many nodes as topics, however long those are. The path of a node never changes; its parent and children may.
 */
export abstract class TokenTree<N extends TokenNode<N>> {
  constructor(protected readonly root: N) {}

  /** The node of a path, which is added if it is new. */
  protected grow(path: string): N {
    let node = this.root;
    while (node.path.length < path.length) {
      const token = tokenAt(path, node.end);
      const child = node.child(token);
      if (!child) return this.attach(this.make(path, node), node, token);
      const common = commonTokens(child.path, path, node.end + token.length);
      node = common === child.path.length ? child : this.split(node, child, common);
    }
    return node;
  }

  /** Removes a node that is not used any more, and the nodes above that only it needed. */
  protected prune(node: N): void {
    for (let bare: N = node; bare.parent && !bare.isUsed;) {
      const { parent, children } = bare;
      if (children > 1) return;
      if (children === 1) {
        this.replace(parent, bare, bare.one!);
        this.merged(bare, bare.one!);
        return;
      }
      this.detach(bare, parent);
      this.removed(bare, parent);
      bare = parent;
    }
  }

  /** Makes a node. @param lower the child of `parent` that will be below the new node, if there is one */
  protected abstract make(path: string, parent: N, lower?: N): N;
  /** Called when `upper` was removed from the tree: its only child `lower` now stands for its tokens, too. */
  protected abstract merged(upper: N, lower: N): void;
  /** Called when a node without children was removed from the tree. */
  protected abstract removed(node: N, parent: N): void;

  private split(parent: N, lower: N, at: number): N {
    const upper = this.make(lower.path.slice(0, at), parent, lower);
    this.replace(parent, lower, upper);
    upper.one = lower;
    lower.parent = upper;
    return upper;
  }

  private attach(node: N, parent: N, token: string): N {
    const { one, two, many } = parent;
    if (many) many.set(token, node);
    else if (!one) parent.one = node;
    else if (!two) parent.two = node;
    else {
      const key = (child: N) => tokenAt(child.path, parent.end);
      parent.many = new Map([
        [key(one), one],
        [key(two), two],
        [token, node],
      ]);
      parent.one = parent.two = undefined;
    }
    node.parent = parent;
    return node;
  }

  private detach(node: N, parent: N): void {
    const { many } = parent;
    if (many) {
      many.delete(tokenAt(node.path, parent.end));
      if (many.size > 2) return;
      [parent.one, parent.two] = many.values();
      parent.many = undefined;
    } else {
      if (parent.one === node) parent.one = parent.two;
      parent.two = undefined;
    }
  }

  private replace(parent: N, old: N, by: N): void {
    if (parent.many) parent.many.set(tokenAt(old.path, parent.end), by);
    else if (parent.one === old) parent.one = by;
    else parent.two = by;
    by.parent = parent;
  }
}

/** The token of a path that starts at index `at`. */
export function tokenAt(path: string, at: number): string {
  return path.slice(at, endOfToken(path, at));
}

function startsWith(path: string, at: number, token: string): boolean {
  const end = at + token.length;
  return path.startsWith(token, at) && isEndOfToken(path, end);
}

function isEndOfToken(path: string, at: number): boolean {
  return at === path.length || path.charAt(at) === '.';
}

/** The index up to which two paths have the same tokens. They are known to have the same up to `from`, the end of a token. */
function commonTokens(one: string, other: string, from: number): number {
  const end = Math.min(one.length, other.length);
  let at = from;
  while (at < end && one.charCodeAt(at) === other.charCodeAt(at)) at++;
  if (isEndOfToken(one, at) && isEndOfToken(other, at)) return at;
  return Math.max(from, one.lastIndexOf('.', at - 1));
}
