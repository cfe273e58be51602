/** Moves messages between tabs, the browser and the server: in order on each wire, and among wires in the order of `below`. */
export class Wires {
  private readonly all = new Set<Wire>();

  /** @param below returns a random number below its argument */
  constructor(readonly below: (limit: number) => number) {}

  open(): Wire {
    const wire = new Wire();
    this.all.add(wire);
    return wire;
  }

  close(wire: Wire): void {
    this.all.delete(wire);
  }

  /** Moves one message. Returns whether there was one. */
  move(): boolean {
    const { next } = this;
    next?.waiting.shift()!();
    return next !== undefined;
  }

  /** Nothing moves any more on a wire that has messages: the receiver is frozen, or busy. */
  hold(): void {
    const { next } = this;
    if (next) next.isHeld = true;
  }

  /** Everything moves again. */
  release(): void {
    for (const each of this.all) each.isHeld = false;
  }

  private get next(): Wire | undefined {
    const ready = [...this.all].filter(({ isHeld, waiting }) => !isHeld && waiting.length > 0);
    return ready[this.below(ready.length)];
  }
}

/** Messages on their way from one party to another. */
export class Wire {
  readonly waiting: (() => void)[] = [];
  isHeld = false;

  send(arrive: () => void): void {
    this.waiting.push(arrive);
  }
}
