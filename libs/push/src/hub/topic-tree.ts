/** A token of known topics, and the newest sequences that are lost at and below it. */
export class TopicNode<T> {
  /** Made with the first child: most nodes are leaves. */
  children: Map<string, TopicNode<T>> | undefined;
  /** What is known of the topic that ends here. */
  value: T | undefined;
  /** Newest lost event of the topic that ends here. */
  lost: number;
  /** Newest lost event of all topics below. */
  lostBelow: number;
  /** Newest lost event of topics below that are no longer in the tree: all that is known of an unknown one. */
  forgotten: number;

  constructor(
    readonly token: string,
    readonly parent: TopicNode<T> | undefined,
    floor: number,
  ) {
    this.lost = this.lostBelow = this.forgotten = floor;
  }
}

/**
 * The topics that the window knows, as a tree of tokens, so that "did anything that this pattern matches get lost after
 * that position?" is answered exactly, without remembering every topic that ever was: a forgotten topic leaves its
 * newest lost sequence to its parent.
 */
export class TopicTree<T> {
  private readonly root: TopicNode<T>;

  /** @param floor everything up to this sequence is lost from the start */
  constructor(floor: number) {
    this.root = new TopicNode('', undefined, floor);
  }

  /** The node of a topic, made if it is new. */
  grow(topic: string): TopicNode<T> {
    let node = this.root;
    for (const token of topic.split('.')) {
      node.children ??= new Map();
      let child = node.children.get(token);
      if (!child) node.children.set(token, (child = new TopicNode(token, node, node.forgotten)));
      node = child;
    }
    return node;
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
    let bare: TopicNode<T> | undefined = node;
    while (bare?.parent && !bare.value && !bare.children?.size) {
      const parent: TopicNode<T> = bare.parent;
      parent.children!.delete(bare.token);
      parent.forgotten = Math.max(parent.forgotten, bare.lost, bare.lostBelow);
      bare = parent;
    }
  }

  /** The newest sequence that a topic matching `pattern` has, or may have, lost. */
  lostThrough(pattern: string): number {
    return lostThrough(this.root, pattern.split('.'), 0);
  }

  /** As `lostThrough`, without the topics whose values `isLeftOut` says to leave out. */
  lostOf(pattern: string, isLeftOut: (value: T) => boolean): number {
    return lostOf(this.root, pattern.split('.'), 0, isLeftOut);
  }

  /**
   * As `lostThrough`, or `lostOf`, as far as that is more than `known`; yields at each node that it looks at, so that the
   * walk may be interrupted. What is lost meanwhile is found or not.
   */
  losses(pattern: string, known: number, isLeftOut?: (value: T) => boolean): Generator<void, number> {
    return losses(this.root, pattern.split('.'), 0, known, isLeftOut);
  }

  /** The known topics that match `pattern`; `undefined` if finding them takes more than `effort` steps. */
  select(pattern: string, effort: number): T[] | undefined {
    const found: T[] = [];
    return select(this.root, pattern.split('.'), 0, found, effort) < 0 ? undefined : found;
  }
}

function lostThrough(node: TopicNode<unknown>, tokens: readonly string[], depth: number): number {
  const token = tokens[depth];
  if (token === undefined) return node.lost;
  if (token === '>') return node.lostBelow;
  if (token !== '*') {
    const child = node.children?.get(token);
    return child ? lostThrough(child, tokens, depth + 1) : node.forgotten;
  }
  let lost = node.forgotten;
  for (const child of node.children?.values() ?? []) {
    // A node never lost more than what its parent knows: most walks end here.
    if (Math.max(child.lost, child.lostBelow) > lost)
      lost = Math.max(lost, lostThrough(child, tokens, depth + 1));
  }
  return lost;
}

function lostOf<T>(
  node: TopicNode<T>,
  tokens: readonly string[],
  depth: number,
  isLeftOut: (value: T) => boolean,
): number {
  const token = tokens[depth];
  if (token === undefined) return node.value !== undefined && isLeftOut(node.value) ? 0 : node.lost;
  if (token !== '*' && token !== '>') {
    const child = node.children?.get(token);
    return child ? lostOf(child, tokens, depth + 1, isLeftOut) : node.forgotten;
  }
  let lost = node.forgotten;
  for (const child of node.children?.values() ?? []) {
    if (Math.max(child.lost, child.lostBelow) <= lost) continue;
    lost = Math.max(lost, lostOf(child, tokens, depth + 1, isLeftOut));
    if (token === '>') lost = Math.max(lost, lostOf(child, tokens, depth, isLeftOut));
  }
  return lost;
}

/** Returns what is left of `effort`, negative when it was not enough. */
function* losses<T>(
  node: TopicNode<T>,
  tokens: readonly string[],
  depth: number,
  known: number,
  isLeftOut: ((value: T) => boolean) | undefined,
): Generator<void, number> {
  yield;
  const token = tokens[depth];
  if (token === undefined) return node.value !== undefined && isLeftOut?.(node.value) ? 0 : node.lost;
  if (token === '>' && !isLeftOut) return node.lostBelow;
  if (token !== '*' && token !== '>') {
    const child = node.children?.get(token);
    return child ? yield* losses(child, tokens, depth + 1, known, isLeftOut) : node.forgotten;
  }
  let lost = known;
  for (const child of node.children?.values() ?? []) {
    yield;
    if (Math.max(child.lost, child.lostBelow) <= lost) continue;
    lost = Math.max(lost, yield* losses(child, tokens, depth + 1, lost, isLeftOut));
    if (token === '>') lost = Math.max(lost, yield* losses(child, tokens, depth, lost, isLeftOut));
  }
  // Looked at last: a topic that was forgotten meanwhile has left here what it lost.
  return Math.max(lost, node.forgotten);
}

function select<T>(
  node: TopicNode<T>,
  tokens: readonly string[],
  depth: number,
  found: T[],
  effort: number,
): number {
  if (effort < 0) return effort;
  const token = tokens[depth];
  if (token === undefined) {
    if (node.value !== undefined) found.push(node.value);
    return effort - 1;
  }
  if (token !== '*' && token !== '>') {
    const child = node.children?.get(token);
    return child ? select(child, tokens, depth + 1, found, effort) : effort;
  }
  for (const child of node.children?.values() ?? []) {
    if (effort < 0) return effort;
    if (token === '>') {
      if (child.value !== undefined) found.push(child.value);
      effort = select(child, tokens, depth, found, effort - 1);
    } else effort = select(child, tokens, depth + 1, found, effort - 1);
  }
  return effort;
}
