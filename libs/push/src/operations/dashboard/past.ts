import type { Figures } from './figures.js';

/** How often a node notes its figures, in milliseconds. */
export const sampleInterval = 5_000;

/** How many of them it keeps: ten minutes. */
const mostSamples = 120;

/** How many figures have a past. What comes later has none. */
const mostNames = 250;

/** The past of a node's figures, for the page. A figure that had not been counted yet is 0. */
export interface Past {
  readonly step: number;
  readonly names: readonly string[];
  /** Oldest first: when (in milliseconds since 1970), then a value for each name. */
  readonly samples: readonly (readonly number[])[];
}

/** The figures of the last ten minutes. */
export class PastFigures {
  private readonly names = new Map<string, number>();
  private readonly samples: number[][] = [];

  add(at: number, figures: Figures): void {
    const sample = [at];
    for (const [name, value] of Object.entries(figures)) {
      const index = this.indexOf(name);
      if (index !== undefined) sample[index] = value;
    }
    this.samples.push(sample);
    if (this.samples.length > mostSamples) this.samples.shift();
  }

  read(): Past {
    const { length } = [...this.names];
    const whole = (sample: number[]) => Array.from({ length: length + 1 }, (_, index) => sample[index] ?? 0);
    return { step: sampleInterval, names: [...this.names.keys()], samples: this.samples.map(whole) };
  }

  private indexOf(name: string): number | undefined {
    const known = this.names.get(name);
    if (known !== undefined || this.names.size >= mostNames) return known;
    this.names.set(name, this.names.size + 1);
    return this.names.size;
  }
}
