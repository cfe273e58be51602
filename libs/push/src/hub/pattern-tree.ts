import { match, endOfToken } from '../contracts/topic.js';
import { TokenNode, TokenTree } from './token-tree.js';

export class PatternNode<T> extends TokenNode<PatternNode<T>> {
  value: T | undefined;

  get isUsed(): boolean {
    return this.value !== undefined;
  }
}

/** Values by patterns: one step for each stretch of tokens that a topic can take. */
export class PatternTree<T> extends TokenTree<PatternNode<T>> {
  private count = 0;

  constructor() {
    super(new PatternNode<T>(''));
  }

  get size(): number {
    return this.count;
  }

  get(pattern: string): T | undefined {
    let node: PatternNode<T> | undefined = this.root;
    while (node && node.path.length < pattern.length)
      node = node.child(pattern.slice(node.end, endOfToken(pattern, node.end)));
    return node?.path === pattern ? node.value : undefined;
  }

  set(pattern: string, value: T): void {
    const node = this.grow(pattern);
    if (node.value === undefined) this.count++;
    node.value = value;
  }

  delete(pattern: string): void {
    if (this.get(pattern) === undefined) return;
    const node = this.grow(pattern);
    node.value = undefined;
    this.count--;
    this.prune(node);
  }

  /** Where a walk begins. */
  get top(): PatternNode<T> {
    return this.root;
  }

  protected make(path: string): PatternNode<T> {
    return new PatternNode<T>(path);
  }

  protected joined(): void {}

  protected left(): void {}
}

/**
 * A walk to the values of all patterns that cover a topic (or a pattern), which may be interrupted. What is added to the
 * tree meanwhile may be met or not; what stays in the tree is met.
 */
export class PatternWalk<T> {
  /** Nodes whose children are still to be looked at, and where in the topic those begin. */
  private readonly nodes: PatternNode<T>[] = [];
  private readonly starts: number[] = [];
  private topic = '';
  /** The token that was looked up last, and where it begins: all nodes of a level ask for the same. */
  private token = '';
  private tokenStart = -1;

  constructor(readonly tree: PatternTree<T>) {}

  begin(topic: string): void {
    this.topic = topic;
    this.tokenStart = -1;
    this.nodes.length = this.starts.length = 0;
    if (this.tree.size === 0) return;
    this.nodes.push(this.tree.top);
    this.starts.push(0);
  }

  /**
   * Goes on by some nodes.
   *
   * @returns whether that is all
   */
  go(visit: (value: T) => void, nodes: number): boolean {
    for (let left = nodes; left > 0 && this.nodes.length > 0; left--) {
      const node = this.nodes.pop()!;
      const at = this.starts.pop()!;
      const { children } = node;
      if (children === undefined) continue;
      if (children instanceof Map) {
        this.enter(children.get('>'), node.end, at, visit);
        this.enter(children.get('*'), node.end, at, visit);
        if (!this.isWildcardAt(at)) this.enter(children.get(this.tokenFrom(at)), node.end, at, visit);
      } else this.enter(children, node.end, at, visit);
    }
    return this.nodes.length === 0;
  }

  private enter(node: PatternNode<T> | undefined, from: number, at: number, visit: (value: T) => void): void {
    if (node === undefined) return;
    const { topic } = this;
    const end = match(node.path, from, topic, at);
    if (end === topic.length) {
      if (node.value !== undefined) visit(node.value);
    } else if (end >= 0 && node.children !== undefined && topic.charCodeAt(end) === 0x2e) {
      this.nodes.push(node);
      this.starts.push(end + 1);
    }
  }

  /** Of a pattern: its wildcards are covered by wildcards alone. */
  private isWildcardAt(at: number): boolean {
    const char = this.topic.charCodeAt(at);
    return char === 0x2a || char === 0x3e;
  }

  private tokenFrom(at: number): string {
    if (at !== this.tokenStart) {
      this.token = this.topic.slice(at, endOfToken(this.topic, at));
      this.tokenStart = at;
    }
    return this.token;
  }
}
