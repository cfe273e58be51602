/** How the state of topics is loaded by `@PushSnapshot()` methods. */
export interface SnapshotOptions {
  /** How long a method may take, in milliseconds. Default: 5,000. */
  readonly timeout?: number;
  /** The largest state, as JSON in UTF-8 bytes. Default: `maxEventBytes`. */
  readonly bytes?: number;
  /** How many methods run at a time on a node; those for one client's are a quarter of them. Default: 16. */
  readonly concurrency?: number;
  /** How many more may wait for that. Beyond it, clients are told to come back. Default: 1,000. */
  readonly waiting?: number;
}
