/** What each node has last answered to a look. A node repeats its answer when something of it has changed. */
export class Answers {
  #cluster;
  #byNode = new Map();

  constructor(cluster) {
    this.#cluster = cluster;
  }

  take(answer) {
    this.#byNode.set(answer.node, answer);
  }

  clear() {
    this.#byNode.clear();
  }

  /** The answers of the nodes that are there. */
  get all() {
    for (const id of this.#byNode.keys()) {
      const node = this.#cluster.node(id);
      if (node && this.#cluster.isGone(node)) this.#byNode.delete(id);
    }
    return [...this.#byNode.values()];
  }

  /** The sum of a number in them. */
  sum(name) {
    return this.all.reduce((total, answer) => total + (answer[name] ?? 0), 0);
  }
}
