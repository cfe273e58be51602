import { endOfToken, isReserved } from '../../contracts/topic.js';
import { TokenNode, TokenTree } from '../topics/token-tree.js';

/** About how much memory a node takes, with its slot among the children of its parent, in bytes. */
const nodeBytes = 160;

/**
 * A place where known topics end or branch. It has the sequences of the newest losses there; a topic that was forgotten may
 * have lost everything up to the sequence of the node that it was forgotten into.
 */
export class TopicNode<T> extends TokenNode<TopicNode<T>> {
  /** The value of the topic that ends here; `undefined` if none does. */
  value: T | undefined;
  /** Newest loss of the topic that ends here. */
  lost: number;
  /** Newest loss of all topics below this node. */
  lostBelow: number;
  /** Newest loss of the topics below this node that are no longer in the tree. */
  forgotten: number;
  /** Newest loss of the topics that are no longer in the tree, and ended or branched off between the parent and this node. */
  above: number;

  constructor(path: string, floor: number) {
    super(path);
    this.lost = this.lostBelow = this.forgotten = this.above = floor;
  }

  get isUsed(): boolean {
    return this.value !== undefined;
  }
}

/** Whether a topic is ignored in a search, by its value. Without it, none is. */
type IsIgnored<T> = ((value: T) => boolean) | undefined;

/**
 * The topics that the window knows, as a tree of tokens. It answers which event that a pattern matches was lost last. Memory
 * is bounded: a topic that is forgotten leaves its newest loss to the node above, so that no loss is ever denied, but one may
 * be assumed for a topic that is not known.
 */
export class TopicTree<T> {
  private readonly common: Tree<T>;
  /** Reserved topics: a wildcard at the beginning of a pattern does not match them. */
  private readonly reserved: Tree<T>;

  /** @param floor everything up to this sequence counts as lost from the start */
  constructor(floor: number) {
    this.common = new Tree(floor);
    this.reserved = new Tree(floor);
  }

  /** About how much memory it takes, in bytes. */
  get bytes(): number {
    return this.common.bytes + this.reserved.bytes;
  }

  /** The node of a topic, which is added if it is new. */
  grow(topic: string): TopicNode<T> {
    return this.treeOf(topic).grow(topic);
  }

  /** Records that the event `sequence` of the topic at `node` is lost. */
  lose(node: TopicNode<T>, sequence: number): void {
    if (sequence <= node.lost) return;
    node.lost = sequence;
    for (let above = node.parent; above && above.lostBelow < sequence; above = above.parent)
      above.lostBelow = sequence;
  }

  /** Removes a topic that has no value, and the nodes that only it needed. */
  forget(node: TopicNode<T>): void {
    this.treeOf(node.path).forget(node);
  }

  /** The newest sequence that a topic which `pattern` matches has lost, or may have lost if it is not known. */
  lostThrough(pattern: string): number {
    return resultOf(this.losses(pattern, 0));
  }

  /** As `lostThrough`, without the topics whose values are ignored. */
  lostOf(pattern: string, isIgnored: (value: T) => boolean): number {
    return resultOf(this.losses(pattern, 0, isIgnored));
  }

  /**
   * The same search as `lostThrough` and `lostOf`, a step at a time: it yields at each node that it looks at, so that the caller
   * can interrupt it. It need not find losses up to `known`. A loss that happens during the search may be found or not.
   */
  losses(pattern: string, known: number, isIgnored?: (value: T) => boolean): Generator<void, number> {
    return losses(this.treeOf(pattern).top, { pattern, isIgnored }, 0, known);
  }

  /** The known topics that match `pattern`; `undefined` if finding them takes more than `effort` steps. */
  select(pattern: string, effort: number): T[] | undefined {
    const found: T[] = [];
    const walk = select(this.treeOf(pattern).top, pattern, 0, found);
    for (let left = effort; !walk.next().done; left--) if (left <= 0) return undefined;
    return found;
  }

  private treeOf(path: string): Tree<T> {
    return isReserved(path) ? this.reserved : this.common;
  }
}

class Tree<T> extends TokenTree<TopicNode<T>> {
  bytes = 0;

  constructor(floor: number) {
    super(new TopicNode('', floor));
  }

  get top(): TopicNode<T> {
    return this.root;
  }

  override grow(topic: string): TopicNode<T> {
    return super.grow(topic);
  }

  forget(node: TopicNode<T>): void {
    this.prune(node);
  }

  protected make(path: string, parent: TopicNode<T>, lower?: TopicNode<T>): TopicNode<T> {
    this.bytes += nodeBytes;
    const node = new TopicNode<T>(path, (lower ?? parent).above);
    if (lower) node.lostBelow = Math.max(lower.above, lower.lost, lower.lostBelow);
    else node.lost = node.lostBelow = node.forgotten = node.above = parent.forgotten;
    return node;
  }

  protected merged(upper: TopicNode<T>, lower: TopicNode<T>): void {
    this.bytes -= nodeBytes;
    lower.above = Math.max(lower.above, upper.above, upper.lost, upper.forgotten);
  }

  protected removed(node: TopicNode<T>, parent: TopicNode<T>): void {
    this.bytes -= nodeBytes;
    parent.forgotten = Math.max(parent.forgotten, node.lost, node.forgotten, node.above);
  }
}

/** A search for losses. */
interface LossQuery<T> {
  readonly pattern: string;
  readonly isIgnored: IsIgnored<T>;
}

/** The pattern does not match the path of a node, or ends before it. */
const mismatch = -1;
/** The pattern has ended with `>`: it matches everything below the node. */
const everything = -2;

/** The newest loss of the topics at and below `node` that match the pattern from its character `at` on. */
function* losses<T>(
  node: TopicNode<T>,
  query: LossQuery<T>,
  at: number,
  known: number,
): Generator<void, number> {
  yield;
  const { pattern, isIgnored } = query;
  if (at > pattern.length) return lostAt(node, isIgnored);
  const token = at === everything ? '>' : pattern.slice(at, endOfToken(pattern, at));
  if (token !== '*' && token !== '>') {
    const child = node.child(token);
    return child ? yield* lossesOfChild(node, child, query, at, known) : node.forgotten;
  }
  let lost = at === everything ? Math.max(known, lostAt(node, isIgnored)) : known;
  if (token === '>' && !isIgnored) return Math.max(lost, node.lostBelow);
  for (const child of node.each()) {
    yield;
    // Nothing below the child was lost after this: most children need no closer look.
    if (Math.max(child.lost, child.lostBelow, child.above) > lost)
      lost = Math.max(lost, yield* lossesOfChild(node, child, query, at, lost));
  }
  // Read last, since a topic that is forgotten during the search leaves its loss here.
  return Math.max(lost, node.forgotten);
}

function* lossesOfChild<T>(
  node: TopicNode<T>,
  child: TopicNode<T>,
  query: LossQuery<T>,
  at: number,
  known: number,
): Generator<void, number> {
  const to = follow(child.path, node.end, query.pattern, at);
  if (to === mismatch) return child.above;
  const lost = yield* losses(child, query, to, known);
  return hasWildcardBetween(query.pattern, at, to) ? Math.max(lost, child.above) : lost;
}

/** Collects the values of the topics below `node` that match the pattern from its character `at` on. Yields at each node. */
function* select<T>(node: TopicNode<T>, pattern: string, at: number, found: T[]): Generator<void> {
  yield;
  if (at > pattern.length || at === everything) {
    if (node.value !== undefined) found.push(node.value);
    if (at !== everything) return;
  }
  for (const child of next(node, pattern, at)) {
    yield;
    const to = follow(child.path, node.end, pattern, at);
    if (to !== mismatch) yield* select(child, pattern, to, found);
  }
}

/** The children of a node that the token at `at` of the pattern can match. */
function next<T>(node: TopicNode<T>, pattern: string, at: number): Iterable<TopicNode<T>> {
  if (at === everything) return node.each();
  const token = pattern.slice(at, endOfToken(pattern, at));
  if (token === '*' || token === '>') return node.each();
  const child = node.child(token);
  return child ? [child] : [];
}

/**
 * Matches the tokens of a path from its character `from` to its end with the tokens of a pattern from its character `at` on.
 *
 * @returns where in the pattern the rest begins, `mismatch` or `everything`
 */
function follow(path: string, from: number, pattern: string, at: number): number {
  if (at === everything) return everything;
  let to = at;
  for (let start = from; start <= path.length;) {
    if (to > pattern.length) return mismatch;
    const end = endOfToken(path, start);
    const token = pattern.slice(to, endOfToken(pattern, to));
    if (token === '>') return everything;
    if (token !== '*' && (token.length !== end - start || !path.startsWith(token, start))) return mismatch;
    start = end + 1;
    to += token.length + 1;
  }
  return to;
}

/** Whether the tokens of the pattern between `at` and `to` match others as well, after the first of them. */
function hasWildcardBetween(pattern: string, at: number, to: number): boolean {
  if (to === everything) return true;
  const star = pattern.indexOf('*', endOfToken(pattern, at));
  return star >= 0 && star < to;
}

function lostAt<T>(node: TopicNode<T>, isIgnored: IsIgnored<T>): number {
  return node.value !== undefined && isIgnored?.(node.value) ? 0 : node.lost;
}

function resultOf<T>(walk: Generator<void, T>): T {
  for (;;) {
    const step = walk.next();
    if (step.done) return step.value;
  }
}
