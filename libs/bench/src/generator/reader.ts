/** Reads what one connection receives. */
export interface Reader {
  /** Number of the first event that has not come. */
  readonly next: number;
  /** Events that have come. */
  readonly count: number;
  /** Reads the first `length` bytes of `bytes`. @throws Violation if they are not what has to come */
  read(bytes: Buffer, length: number): void;
}
