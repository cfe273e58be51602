/** What gathers writes while it is corked. */
export interface Corkable {
  cork(): void;
  uncork(): void;
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
