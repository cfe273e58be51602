import { endOfToken, isReserved } from '../../contracts/topic.js';
import { TokenNode, TokenTree } from '../topics/token-tree.js';

/** About how much memory a node takes, with its place among the children of its parent, in bytes. */
const nodeBytes = 160;

/** Where known topics end or branch, and the newest sequences that are lost at and below it. */
export class TopicNode<T> extends TokenNode<TopicNode<T>> {
  /** What is known of the topic that ends here. */
  value: T | undefined;
  /** Newest lost event of the topic that ends here. */
  lost: number;
  /** Newest lost event of all topics below. */
  lostBelow: number;
  /** Newest lost event of topics below that are no longer in the tree: all that is known of an unknown one. */
  forgotten: number;
  /** As `forgotten`, of topics that end or branch between the parent and this node. */
  above: number;

  constructor(path: string, floor: number) {
    super(path);
    this.lost = this.lostBelow = this.forgotten = this.above = floor;
  }

  get isUsed(): boolean {
    return this.value !== undefined;
  }
}

/** Whether a topic is left out of what is asked. */
type LeavesOut<T> = ((value: T) => boolean) | undefined;

/**
 * The topics that the window knows, as a tree of tokens, so that "did anything that this pattern matches get lost after
 * that position?" is answered exactly, without remembering every topic that ever was: a forgotten topic leaves its
 * newest lost sequence to the node above.
 */
export class TopicTree<T> {
  private readonly common: Tree<T>;
  /** Reserved topics, which no wildcard at the beginning matches. */
  private readonly reserved: Tree<T>;

  /** @param floor everything up to this sequence is lost from the start */
  constructor(floor: number) {
    this.common = new Tree(floor);
    this.reserved = new Tree(floor);
  }

  /** About how much memory it takes, in bytes. */
  get bytes(): number {
    return this.common.bytes + this.reserved.bytes;
  }

  /** The node of a topic, made if it is new. */
  grow(topic: string): TopicNode<T> {
    return this.treeOf(topic).grow(topic);
  }

  /** Notes that the event `sequence` of the topic at `node` is gone. */
  lose(node: TopicNode<T>, sequence: number): void {
    if (sequence <= node.lost) return;
    node.lost = sequence;
    for (let above = node.parent; above && above.lostBelow < sequence; above = above.parent)
      above.lostBelow = sequence;
  }

  /** Takes a topic without value out of the tree, with the nodes that only it needed. */
  forget(node: TopicNode<T>): void {
    this.treeOf(node.path).forget(node);
  }

  /** The newest sequence that a topic matching `pattern` has, or may have, lost. */
  lostThrough(pattern: string): number {
    return resultOf(this.losses(pattern, 0));
  }

  /** As `lostThrough`, without the topics whose values `isLeftOut` says to leave out. */
  lostOf(pattern: string, isLeftOut: (value: T) => boolean): number {
    return resultOf(this.losses(pattern, 0, isLeftOut));
  }

  /**
   * As `lostThrough`, or `lostOf`, as far as that is more than `known`; yields at each node that it looks at, so that the
   * walk may be interrupted. What is lost meanwhile is found or not.
   */
  losses(pattern: string, known: number, isLeftOut?: (value: T) => boolean): Generator<void, number> {
    return losses(this.treeOf(pattern).top, { pattern, isLeftOut }, 0, known);
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

  protected left(node: TopicNode<T>, parent: TopicNode<T>): void {
    this.bytes -= nodeBytes;
    parent.forgotten = Math.max(parent.forgotten, node.lost, node.forgotten, node.above);
  }
}

/** What is asked. */
interface Question<T> {
  readonly pattern: string;
  readonly isLeftOut: LeavesOut<T>;
}

/** The tokens to a node do not match those of a pattern, or are more of them. */
const mismatch = -1;
/** The pattern is open, and matches everything from there on. */
const everything = -2;

/** What the topics at and below `node` have lost that match the tokens of the pattern from `at` on. */
function* losses<T>(
  node: TopicNode<T>,
  question: Question<T>,
  at: number,
  known: number,
): Generator<void, number> {
  yield;
  const { pattern, isLeftOut } = question;
  if (at > pattern.length) return lostAt(node, isLeftOut);
  const token = at === everything ? '>' : pattern.slice(at, endOfToken(pattern, at));
  if (token !== '*' && token !== '>') {
    const child = node.child(token);
    return child ? yield* enter(node, child, question, at, known) : node.forgotten;
  }
  let lost = at === everything ? Math.max(known, lostAt(node, isLeftOut)) : known;
  if (token === '>' && !isLeftOut) return Math.max(lost, node.lostBelow);
  for (const child of node.each()) {
    yield;
    // A node never lost more than this: most walks end here.
    if (Math.max(child.lost, child.lostBelow, child.above) > lost)
      lost = Math.max(lost, yield* enter(node, child, question, at, lost));
  }
  // Looked at last: a topic that was forgotten meanwhile has left here what it lost.
  return Math.max(lost, node.forgotten);
}

function* enter<T>(
  node: TopicNode<T>,
  child: TopicNode<T>,
  question: Question<T>,
  at: number,
  known: number,
): Generator<void, number> {
  const to = follow(child.path, node.end, question.pattern, at);
  if (to === mismatch) return child.above;
  const lost = yield* losses(child, question, to, known);
  return isWideBetween(question.pattern, at, to) ? Math.max(lost, child.above) : lost;
}

/** Gathers what is known of the topics that match the tokens of the pattern from `at` on; yields at each node. */
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

/** The children of a node that the token of a pattern at `at` can match. */
function next<T>(node: TopicNode<T>, pattern: string, at: number): Iterable<TopicNode<T>> {
  if (at === everything) return node.each();
  const token = pattern.slice(at, endOfToken(pattern, at));
  if (token === '*' || token === '>') return node.each();
  const child = node.child(token);
  return child ? [child] : [];
}

/**
 * Matches the tokens of a path from `from` on, to its end, with those of a pattern from `at` on.
 *
 * @returns where in the pattern they end, `mismatch` or `everything`
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

/** Whether the pattern matches, before the end of the tokens that it has been followed to, others as well. */
function isWideBetween(pattern: string, at: number, to: number): boolean {
  if (to === everything) return true;
  const star = pattern.indexOf('*', endOfToken(pattern, at));
  return star >= 0 && star < to;
}

function lostAt<T>(node: TopicNode<T>, isLeftOut: LeavesOut<T>): number {
  return node.value !== undefined && isLeftOut?.(node.value) ? 0 : node.lost;
}

function resultOf<T>(walk: Generator<void, T>): T {
  for (;;) {
    const step = walk.next();
    if (step.done) return step.value;
  }
}
