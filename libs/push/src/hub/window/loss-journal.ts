/** How many losses are remembered one by one. */
const mostLosses = 16_384;

/**
 * What the window lost lately, event by event, in the order in which it did. Each loss has a number: so who knows all up to
 * one learns of the others by looking at those alone, and what was lost before a moment is told from what was lost later.
 */
export class LossJournal {
  /** The number of the next loss. */
  count = 0;
  /** What was lost without being remembered here is of events up to this sequence. */
  floor = 0;
  private start = 0;
  private sequences: number[] = [];
  private topics: string[] = [];

  /** The number of the oldest loss that is remembered. */
  get first(): number {
    return Math.max(this.start, this.count - mostLosses);
  }

  add(sequence: number, topic: string): void {
    const place = this.placeOf(this.count++);
    if (place < this.sequences.length) this.floor = Math.max(this.floor, this.sequences[place]!);
    this.sequences[place] = sequence;
    this.topics[place] = topic;
  }

  /** The sequence of the event that was lost as the one of that number. */
  sequenceAt(number: number): number {
    return this.sequences[this.placeOf(number)]!;
  }

  topicAt(number: number): string {
    return this.topics[this.placeOf(number)]!;
  }

  /** Everything up to `sequence` is lost, whatever it was. */
  reset(sequence: number): void {
    this.start = ++this.count;
    this.floor = sequence;
    this.sequences = [];
    this.topics = [];
  }

  private placeOf(number: number): number {
    return (number - this.start) % mostLosses;
  }
}
