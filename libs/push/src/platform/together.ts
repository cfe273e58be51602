/** A stream that gathers writes while it is corked. */
export interface Corkable {
  cork(): void;
  uncork(): void;
  readonly writableCorked: number;
  readonly writableLength: number;
}

/** How many bytes are gathered at most before they are written to the kernel. */
const mostGathered = 64 * 1024;

/**
 * Whether `sink` takes more after a write. Node reports every large write as too much, even if the kernel took all of it; what
 * counts is how many bytes are still buffered in the process.
 *
 * @param isBelowMark what `write` has returned
 */
export function hasRoom(sink: Corkable, isBelowMark: boolean): boolean {
  return isBelowMark || sink.writableLength <= (sink.writableCorked > 0 ? mostGathered : 0);
}

/** Runs `run`, and sends all that it writes to `sink` in one system call. `drain` is emitted as usual. */
export function together(sink: Corkable, run: () => void): void {
  sink.cork();
  try {
    run();
  } finally {
    sink.uncork();
  }
}
