/** What gathers writes while it is corked. */
export interface Corkable {
  cork(): void;
  uncork(): void;
  readonly writableCorked: number;
  readonly writableLength: number;
}

/** How many bytes may be gathered before the kernel is asked how much of them it takes. */
const mostGathered = 64 * 1024;

/**
 * Whether there is room for more behind a write that went to `sink` itself. A large write counts for Node as too much even if
 * the kernel took all of it; what matters is what stayed here, as far as that is known.
 *
 * @param isBelowMark what `write` has returned
 */
export function hasRoom(sink: Corkable, isBelowMark: boolean): boolean {
  return isBelowMark || sink.writableLength <= (sink.writableCorked > 0 ? mostGathered : 0);
}

/** Runs `run`; what it writes to `sink` leaves in one system call. Where it fills the sink, `drain` comes as ever. */
export function together(sink: Corkable, run: () => void): void {
  sink.cork();
  try {
    run();
  } finally {
    sink.uncork();
  }
}
