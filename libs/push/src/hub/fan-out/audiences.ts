/** A reader that is counted by its topics. */
export interface Counted {
  /** Equal for readers with the same topics; `undefined` if it has none. */
  readonly audience: string | undefined;
  /** The audience that it is counted in. `Audiences` sets it. */
  counted: string | undefined;
}

/** How many readers there are of each set of topics. */
export class Audiences {
  private readonly sizes = new Map<string, number>();

  /** How many different sets of topics there are. */
  get size(): number {
    return this.sizes.size;
  }

  /** The topics of a reader may have changed. */
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
