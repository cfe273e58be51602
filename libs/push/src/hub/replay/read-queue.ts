/** What waits to be read, in turn by client, and first come, first served within each. */
export class ReadQueue<T extends { readonly client: object }> {
  private readonly waiting = new Map<object, T[]>();
  private readonly running = new Map<object, number>();
  private count = 0;

  /** @param mostPerClient how many reads of one client go on at once: the others' have room beside them */
  constructor(private readonly mostPerClient = 2) {}

  /** How many wait. */
  get size(): number {
    return this.count;
  }

  push(read: T): void {
    this.count++;
    const own = this.waiting.get(read.client);
    if (own) own.push(read);
    else this.waiting.set(read.client, [read]);
  }

  /** Takes out one that waits. */
  delete(read: T): void {
    const own = this.waiting.get(read.client);
    const index = own?.indexOf(read) ?? -1;
    if (!own || index < 0) return;
    this.count--;
    own.splice(index, 1);
    if (own.length === 0) this.waiting.delete(read.client);
  }

  /** Takes out the next one that may begin. */
  shift(): T | undefined {
    for (const [client, own] of this.waiting) {
      if ((this.running.get(client) ?? 0) >= this.mostPerClient) continue;
      this.count--;
      const read = own.shift();
      this.waiting.delete(client);
      if (own.length > 0) this.waiting.set(client, own);
      return read;
    }
    return undefined;
  }

  began({ client }: T): void {
    this.running.set(client, (this.running.get(client) ?? 0) + 1);
  }

  ended({ client }: T): void {
    const rest = this.running.get(client)! - 1;
    if (rest > 0) this.running.set(client, rest);
    else this.running.delete(client);
  }

  clear(): void {
    this.waiting.clear();
    this.count = 0;
  }
}
