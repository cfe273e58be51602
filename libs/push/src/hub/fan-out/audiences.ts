/** A reader that is counted by its set of topics. */
export interface Counted {
  /** Equal for readers with the same topics; `undefined` for one without topics. */
  readonly audience: string | undefined;
  /** The audience in which it is counted now. Only `Audiences` changes it. */
  counted: string | undefined;
}

/** Counts the readers of each set of topics. */
export class Audiences {
  private readonly sizes = new Map<string, number>();

  /** How many different sets of topics there are. */
  get size(): number {
    return this.sizes.size;
  }

  /** Counts a reader whose topics may have changed. */
  count(reader: Counted): void {
    const { audience, counted } = reader;
    if (audience === counted) return;
    reader.counted = audience;
    if (counted !== undefined) {
      const rest = this.sizes.get(counted)! - 1;
      if (rest > 0) this.sizes.set(counted, rest);
      else this.sizes.delete(counted);
    }
    if (audience !== undefined) this.sizes.set(audience, (this.sizes.get(audience) ?? 0) + 1);
  }
}
