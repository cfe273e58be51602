/** How many losses are remembered one by one. */
const maxLosses = 16_384;

/**
 * The latest losses of the window, event by event, in the order in which they happened. Losses are numbered. A reader that
 * has looked at all losses up to a number has only to look at the later ones.
 */
export class LossJournal {
  /** The number that the next loss will have. */
  count = 0;
  /** Losses that are no longer remembered here are of events up to this sequence. */
  floor = 0;
  private start = 0;
  private sequences: number[] = [];
  private topics: string[] = [];

  /** The number of the oldest loss that is remembered. */
  get first(): number {
    return Math.max(this.start, this.count - maxLosses);
  }

  add(sequence: number, topic: string): void {
    const slot = this.slotOf(this.count++);
    if (slot < this.sequences.length) this.floor = Math.max(this.floor, this.sequences[slot]!);
    this.sequences[slot] = sequence;
    this.topics[slot] = topic;
  }

  /** The sequence of the event of loss `number`. */
  sequenceAt(number: number): number {
    return this.sequences[this.slotOf(number)]!;
  }

  /** The topic of the event of loss `number`. */
  topicAt(number: number): string {
    return this.topics[this.slotOf(number)]!;
  }

  /** Forgets the single losses: everything up to `sequence` counts as lost. */
  reset(sequence: number): void {
    this.start = ++this.count;
    this.floor = sequence;
    this.sequences = [];
    this.topics = [];
  }

  private slotOf(number: number): number {
    return (number - this.start) % maxLosses;
  }
}
