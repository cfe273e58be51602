import { endOfToken } from '../../contracts/topic.js';

/** A node of a `TokenTree`. Between its parent and it lie as many tokens as are the same for all below it. */
export abstract class TokenNode<N extends TokenNode<N>> {
  parent: N | undefined;
  /** Most nodes have no child, or two: those stand here. */
  one: N | undefined;
  two: N | undefined;
  /** If there are more, all of them stand here, by the first token after this node. */
  many: Map<string, N> | undefined;

  /** @param path all tokens from the root to here; empty for the root */
  constructor(readonly path: string) {}

  /** Whether the tree needs it for more than its children. */
  abstract get isUsed(): boolean;

  /** Where in the path of a child its own tokens begin. */
  get end(): number {
    return this.path === '' ? 0 : this.path.length + 1;
  }

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

  /** How many children it has: 3 stands for all that are more. */
  get children(): 0 | 1 | 2 | 3 {
    if (this.many) return 3;
    return this.two ? 2 : this.one ? 1 : 0;
  }
}

/**
 * Topics or patterns as a tree of their tokens, in which a node stands for a whole stretch of tokens without a branch:
 * there are at most twice as many nodes as topics, however deep they are. A node's path never changes; what is above and
 * below it does.
 */
export abstract class TokenTree<N extends TokenNode<N>> {
  constructor(protected readonly root: N) {}

  /** The node of a path, made if it is new. */
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

  /** Takes out a node that is not used any more, and those that only it needed. */
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
      this.left(bare, parent);
      bare = parent;
    }
  }

  /** @param lower what it comes between its parent and, if anything */
  protected abstract make(path: string, parent: N, lower?: N): N;
  /** A node has left the tree, since its only child stands for its tokens, too. */
  protected abstract merged(upper: N, lower: N): void;
  /** A node without children has left the tree. */
  protected abstract left(node: N, parent: N): void;

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

/** The token that begins at a place of a path. */
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

/** How far two paths are the same, in whole tokens, where they are known to be up to the end of a token. */
function commonTokens(one: string, other: string, from: number): number {
  const end = Math.min(one.length, other.length);
  let at = from;
  while (at < end && one.charCodeAt(at) === other.charCodeAt(at)) at++;
  if (isEndOfToken(one, at) && isEndOfToken(other, at)) return at;
  return Math.max(from, one.lastIndexOf('.', at - 1));
}
