import type { Peer } from './peers.js';

/** A column of a scenario's table. */
export interface Column {
  readonly key: string;
  readonly title: string;
  /** Digits after the decimal point. Default: none. */
  readonly digits?: number;
}

/** What one server has shown, by column. */
export type Figures = Readonly<Record<string, number | string>>;

/** How long things last. */
export interface Scale {
  /** Milliseconds that a candidate for the best pace is tried. */
  readonly trial: number;
  /** Milliseconds that a figure is measured. */
  readonly run: number;
}

/** Something that is measured for several servers, each in a process of its own. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  /** Names of the peers that it is measured for. */
  readonly peers: readonly string[];
  /** Names of those that a quick run measures; it leaves out a scenario without any. */
  readonly quickPeers: readonly string[];
  measure(peer: Peer, scale: Scale): Promise<Figures>;
}
