/** How a rule counts who reads its topics. */
export interface PresenceOptions {
  /**
   * How long a client may be away before it has left, in milliseconds. A client that comes back in time, to any node, has never
   * left. Default: 5,000.
   */
  readonly grace?: number;
  /**
   * How many clients of a topic are members, with a name and data of their own; further ones are only counted. Clients that
   * come at the same moment to several nodes may make it a few more. Default: 1,000.
   */
  readonly max?: number;
  /** Whether clients are only counted, without telling who they are. Default: `false`. */
  readonly counts?: boolean;
}
