import { quoted } from '../../postgres/quoted.js';

/** How a log is called on the server. */
export class Names {
  /** The schema, as SQL takes it. */
  readonly schema: string;
  /** What every node listens to. */
  readonly channel: string;

  constructor(readonly name: string) {
    this.schema = quoted(name);
    this.channel = name;
  }

  /** What one node listens to, alone. */
  channelOf(node: string): string {
    return `${this.name}_${node}`;
  }
}
