/** What a wait of the kit rejects with when its time is over, and an expectation that does not hold. */
export class PushTestingError extends Error {
  override readonly name = 'PushTestingError';
}

/** Changes of something that tests wait for, within a bound. */
export class Changes {
  private readonly waiting = new Set<() => void>();

  /** @param patience how long a wait may take, in milliseconds */
  constructor(private readonly patience: number) {}

  /** Looks again, for all that wait. */
  changed(): void {
    for (const look of this.waiting) look();
  }

  /**
   * Resolves with what `look` finds, now or after a change.
   *
   * @param missed says what was not found, and what was there instead
   * @throws PushTestingError (the promise rejects) when the time is over; what `look` throws
   */
  async first<Found>(look: () => Found | undefined, missed: () => string): Promise<Found> {
    const found = look();
    if (found !== undefined) return found;
    let check: () => void;
    let timer: NodeJS.Timeout;
    const { patience } = this;
    // Made here, so that its stack leads to the test.
    const late = new PushTestingError();
    return new Promise<Found>((resolve, reject) => {
      check = () => {
        try {
          const found = look();
          if (found !== undefined) resolve(found);
        } catch (error) {
          reject(error as Error);
        }
      };
      timer = setTimeout(() => {
        late.message = `${missed()} (waited ${patience} ms)`;
        reject(late);
      }, patience);
      this.waiting.add(check);
    }).finally(() => {
      clearTimeout(timer);
      this.waiting.delete(check);
    });
  }
}
