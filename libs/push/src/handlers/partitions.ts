import { createHash } from 'node:crypto';

/** How many parts the topics of a group are divided into. Each is one node's at a time. */
export const partitionCount = 64;

/** The partition of a topic: the same on every node, and in every version. */
export function partitionOf(topic: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < topic.length; at++) hash = Math.imul(hash ^ topic.charCodeAt(at), 0x01000193);
  // The lower bits of FNV-1a alone are those of the last characters.
  return (hash ^ (hash >>> 15) ^ (hash >>> 24)) & (partitionCount - 1);
}

/**
 * Which of the nodes of a group has a partition: the one with the highest hash of both (rendezvous hashing), so that a node which
 * comes or goes moves its own partitions alone.
 *
 * @returns `undefined` if there is no node
 */
export function nodeFor(group: string, partition: number, nodes: Iterable<string>): string | undefined {
  let best: string | undefined;
  let highest = '';
  for (const node of nodes) {
    const rank = createHash('sha1').update(`${group}.${partition}.${node}`).digest('hex');
    if (rank <= highest) continue;
    highest = rank;
    best = node;
  }
  return best;
}
