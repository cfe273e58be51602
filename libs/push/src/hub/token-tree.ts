import { endOfToken } from '../contracts/topic.js';

/** A node of a `TokenTree`. Between its parent and it lie as many tokens as are the same for all below it. */
export abstract class TokenNode<N extends TokenNode<N>> {
  parent: N | undefined;
  /** By the first token after this node. Most nodes are leaves, and of the others most have one child. */
  children: N | Map<string, N> | undefined;

  /** @param path all tokens from the root to here; empty for the root */
  constructor(readonly path: string) {}

  /** Whether the tree needs it for more than its children. */
  abstract get isUsed(): boolean;

  /** Where in the path of a child its own tokens begin. */
  get end(): number {
    return this.path === '' ? 0 : this.path.length + 1;
  }

  child(token: string): N | undefined {
    const { children } = this;
    if (children === undefined || children instanceof Map) return children?.get(token);
    return startsWith(children.path, this.end, token) ? children : undefined;
  }

  /** All children. */
  each(): Iterable<N> {
    const { children } = this;
    if (children === undefined) return [];
    return children instanceof Map ? children.values() : [children];
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
      if (children instanceof Map) return;
      if (children !== undefined) {
        // Its only child stands for its tokens, too.
        this.replace(parent, bare, children);
        this.left(bare, parent);
        return;
      }
      this.detach(bare, parent);
      this.left(bare, parent);
      bare = parent;
    }
  }

  protected abstract make(path: string, parent: N): N;
  /** A node has come between two others. */
  protected abstract joined(upper: N, lower: N): void;
  /** A node has left the tree. */
  protected abstract left(node: N, parent: N): void;

  private split(parent: N, lower: N, at: number): N {
    const upper = this.make(lower.path.slice(0, at), parent);
    this.replace(parent, lower, upper);
    upper.children = lower;
    lower.parent = upper;
    this.joined(upper, lower);
    return upper;
  }

  private attach(node: N, parent: N, token: string): N {
    const { children } = parent;
    if (children === undefined) parent.children = node;
    else if (children instanceof Map) children.set(token, node);
    else parent.children = new Map([[tokenAt(children.path, parent.end), children]]).set(token, node);
    node.parent = parent;
    return node;
  }

  private detach(node: N, parent: N): void {
    const { children } = parent;
    if (!(children instanceof Map)) parent.children = undefined;
    else {
      children.delete(tokenAt(node.path, parent.end));
      if (children.size === 1) for (const last of children.values()) parent.children = last;
    }
  }

  private replace(parent: N, old: N, by: N): void {
    if (parent.children instanceof Map) parent.children.set(tokenAt(old.path, parent.end), by);
    else parent.children = by;
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
