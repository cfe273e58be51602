import { isWildcard } from '../contracts/topic.js';
import type { TopicSet } from './topic-set.js';

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  readonly values: Set<T>;
}

/**
 * From a topic to everyone who wants it: exact topics by a map, wildcards by a trie over tokens. The cost of a lookup
 * depends on the depth of the topic and the wildcards that fit it, not on how many topics or values there are.
 */
export class TopicIndex<T> {
  private readonly exact = new Map<string, Set<T>>();
  private readonly root: Node<T> = newNode();
  private wildcardCount = 0;

  /** How many patterns are held, wildcards and exact topics. */
  get size(): number {
    return this.exact.size + this.wildcardCount;
  }

  add(topics: TopicSet, value: T): void {
    for (const pattern of topics.patterns) {
      if (isWildcard(pattern)) this.addWildcard(pattern, value);
      else {
        let values = this.exact.get(pattern);
        if (!values) this.exact.set(pattern, (values = new Set()));
        values.add(value);
      }
    }
  }

  remove(topics: TopicSet, value: T): void {
    for (const pattern of topics.patterns) {
      if (isWildcard(pattern)) {
        this.removeWildcard(this.root, pattern.split('.'), 0, value);
        continue;
      }
      const values = this.exact.get(pattern);
      if (values?.delete(value) && values.size === 0) this.exact.delete(pattern);
    }
  }

  /** Calls `visit` for every value that wants `topic`; more than once for a value whose patterns overlap. */
  match(topic: string, visit: (value: T) => void): void {
    this.exact.get(topic)?.forEach(visit);
    if (this.wildcardCount > 0) this.matchWildcards(this.root, topic.split('.'), 0, visit);
  }

  private matchWildcards(
    node: Node<T>,
    tokens: readonly string[],
    depth: number,
    visit: (value: T) => void,
  ): void {
    if (depth === tokens.length) {
      node.values.forEach(visit);
      return;
    }
    node.children.get('>')?.values.forEach(visit);
    const any = node.children.get('*');
    if (any) this.matchWildcards(any, tokens, depth + 1, visit);
    const named = node.children.get(tokens[depth]!);
    if (named) this.matchWildcards(named, tokens, depth + 1, visit);
  }

  private addWildcard(pattern: string, value: T): void {
    let node = this.root;
    for (const token of pattern.split('.')) {
      let child = node.children.get(token);
      if (!child) node.children.set(token, (child = newNode()));
      node = child;
    }
    if (node.values.size === 0) this.wildcardCount++;
    node.values.add(value);
  }

  private removeWildcard(node: Node<T>, tokens: readonly string[], depth: number, value: T): void {
    if (depth === tokens.length) {
      if (node.values.delete(value) && node.values.size === 0) this.wildcardCount--;
      return;
    }
    const token = tokens[depth]!;
    const child = node.children.get(token);
    if (!child) return;
    this.removeWildcard(child, tokens, depth + 1, value);
    if (child.values.size === 0 && child.children.size === 0) node.children.delete(token);
  }
}

function newNode<T>(): Node<T> {
  return { children: new Map(), values: new Set() };
}
