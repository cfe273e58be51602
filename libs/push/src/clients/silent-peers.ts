import type { TcpKey } from '../platform/tcp-table.js';

/** What the kernel tells of TCP. */
export interface TcpKernel {
  /** Changes whenever something is retransmitted; `undefined` where that is not known. */
  retransmitted(): Promise<string | undefined>;
  /** The connections whose peer does not acknowledge data, with the number of retransmissions. */
  unacknowledged(): Promise<ReadonlyMap<TcpKey, number>>;
}

/** A connection with unacknowledged bytes. */
interface Suspect {
  /** How often the kernel had retransmitted when the bytes were first seen. */
  readonly retransmissions: number;
  /** The number of the look that first saw them. */
  readonly since: number;
}

/**
 * Finds the connections whose peer has been silent for some time. To ask the kernel for all connections takes the longer the more
 * there are on the machine, and is needed only when it has retransmitted something since the last look, or somebody is suspected.
 */
export class SilentPeers {
  private suspects: ReadonlyMap<TcpKey, Suspect> = new Map();
  private looks = 0;
  private retransmitted: string | undefined;

  constructor(private readonly kernel: TcpKernel) {}

  /**
   * Looks once more: the first time only at what the kernel counts, to compare it with later. Returns the connections whose peer has
   * acknowledged nothing since `patience` looks ago, while the kernel went on retransmitting.
   */
  async look(patience: number): Promise<TcpKey[]> {
    const number = ++this.looks;
    // Counted before the connections are read: what is retransmitted meanwhile is new to the next look.
    const retransmitted = await this.kernel.retransmitted();
    const isNew = retransmitted === undefined || (number > 1 && retransmitted !== this.retransmitted);
    this.retransmitted = retransmitted;
    if (!isNew && this.suspects.size === 0) return [];
    const current = await this.kernel.unacknowledged();
    const suspects = new Map<TcpKey, Suspect>();
    const silent: TcpKey[] = [];
    for (const [key, retransmissions] of current) {
      const suspect = this.suspects.get(key) ?? { retransmissions, since: number };
      suspects.set(key, suspect);
      if (number - suspect.since >= patience && retransmissions > suspect.retransmissions) silent.push(key);
    }
    this.suspects = suspects;
    return silent;
  }
}
