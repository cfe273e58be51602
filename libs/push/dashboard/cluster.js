import { Series, span } from './series.js';

/** A node that has not reported for this long, in milliseconds, is gone. */
const patience = 10_000;
/** The most nodes that are remembered. */
const mostNodes = 500;
/** The clock of a node was set if it is off by this much all at once, in milliseconds. */
const clockJump = 5_000;

/** A node as it last reported, and its figures of the last ten minutes. */
class Node {
  series = new Series();
  /** What it last said of itself. */
  report;
  /** When that came, on this page's monotonic clock. */
  heard = 0;
  /** How far this page's clock is ahead of the node's, in milliseconds. */
  skew = Infinity;

  constructor(id) {
    this.id = id;
  }

  hear(report, now) {
    this.report = report;
    this.heard = now;
    const skew = Date.now() - report.at;
    // The report that came fastest tells best.
    this.skew = Math.abs(skew - this.skew) > clockJump ? skew : Math.min(skew, this.skew);
    this.series.add(report.at, { ...report.figures, ...(report.lag !== null && { lag: report.lag }) });
  }

  /** A time of the node's clock, on this page's clock. */
  local(at) {
    return at + this.skew;
  }

  /** A short name that people tell nodes by. */
  get name() {
    const { host, pid } = this.report;
    return `${host} · ${pid}`;
  }
}

/** All nodes that have reported. */
export class Cluster {
  #nodes = new Map();
  /** Since when the page is connected, on the monotonic clock; `undefined` while it is not. */
  #connectedSince;
  /** When the node that serves the page could last not reach the others, on the monotonic clock. */
  #alone = -Infinity;
  /** The past of nodes that have not reported yet. */
  #pasts = new Map();

  /** The page is connected, or is not any more: then it is not the nodes that are silent. */
  connected(isConnected) {
    this.#connectedSince = isConnected ? performance.now() : undefined;
  }

  hear(report) {
    if (typeof report?.node !== 'string' || !Number.isFinite(report.at)) return;
    let node = this.#nodes.get(report.node);
    if (!node) {
      if (this.#nodes.size >= mostNodes) this.#nodes.delete(this.#nodes.keys().next().value);
      node = new Node(report.node);
      this.#nodes.set(report.node, node);
    }
    const now = performance.now();
    node.hear(report, now);
    if (report.serving && report.health?.ready === false) this.#alone = now;
    const past = this.#pasts.get(report.node);
    if (!past) return;
    this.#pasts.delete(report.node);
    node.series.addPast(past.names, past.samples);
  }

  hearPast(past) {
    if (!Array.isArray(past?.names) || !Array.isArray(past.samples)) return;
    const node = this.#nodes.get(past.node);
    if (node) node.series.addPast(past.names, past.samples);
    else if (this.#pasts.size < mostNodes) this.#pasts.set(past.node, past);
  }

  /** Those that have reported within ten minutes, by name. */
  get nodes() {
    const oldest = performance.now() - span;
    for (const [id, { heard }] of this.#nodes) if (heard < oldest) this.#nodes.delete(id);
    return [...this.#nodes.values()].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  }

  /** Those that report. */
  get present() {
    return this.nodes.filter((node) => !this.isGone(node));
  }

  node(id) {
    return this.#nodes.get(id);
  }

  /** The name of a node, which may be unknown yet. */
  nameOf(id) {
    return this.#nodes.get(id)?.name ?? String(id);
  }

  /** Whether its reports do not arrive. */
  isSilent(node) {
    return performance.now() - node.heard > patience;
  }

  /** Whether it has stopped to report: the page was connected, to a node that reached the others. */
  isGone(node) {
    if (this.#connectedSince === undefined) return false;
    return performance.now() - Math.max(node.heard, this.#connectedSince, this.#alone) > patience;
  }

  /** When it last reported, in milliseconds since 1970. */
  lastHeard(node) {
    return Date.now() - (performance.now() - node.heard);
  }

  /** The sum of a figure's rates over the nodes that report; `undefined` while there is none. */
  rate(name) {
    return sum(this.present.map(({ series }) => series.rate(name)));
  }

  /** The sum of a gauge over the nodes that report. */
  value(name) {
    return sum(this.present.map(({ series }) => series.value(name)));
  }

  /** How much counters have grown in the last `period` milliseconds, by what follows `prefix` in their names. */
  growths(prefix, period) {
    const growths = new Map();
    for (const { series } of this.nodes) {
      const since = (series.newest?.at ?? 0) - period;
      for (const name of series.names(prefix)) {
        const growth = series.growth(name, since);
        if (growth === 0) continue;
        const key = name.slice(prefix.length);
        growths.set(key, (growths.get(key) ?? 0) + growth);
      }
    }
    return new Map([...growths].sort(([, a], [, b]) => b - a));
  }
}

/** The sum of what is known; `undefined` if nothing is. */
export function sum(values) {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? known.reduce((total, value) => total + value, 0) : undefined;
}
