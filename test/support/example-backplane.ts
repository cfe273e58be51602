import { Backplane, LogEvent, type Draft, type Health, type Position, type Tail } from 'nestjs-push';

/** Stands for your server: it numbers the events, remembers message ids, and knows the nodes. */
export class ExampleLog {
  readonly epoch = Date.now().toString(36);
  readonly known = new Map<string, number>();
  readonly tails = new Set<Tail>();
  sequence = 0;
}

export class ExampleBackplane extends Backplane {
  private tail?: Tail;

  constructor(private readonly log: ExampleLog) {
    super();
  }

  start(tail: Tail): void {
    this.tail = tail;
    tail.open({ epoch: this.log.epoch, sequence: this.log.sequence });
    this.log.tails.add(tail);
  }

  async append({ topic, type, data, except, messageId }: Draft): Promise<Position> {
    const { epoch, known, tails } = this.log;
    const first = messageId === undefined ? undefined : known.get(messageId);
    if (first !== undefined) return { epoch, sequence: first };
    const sequence = ++this.log.sequence;
    if (messageId !== undefined) known.set(messageId, sequence);
    for (const tail of tails) tail.deliver(new LogEvent(epoch, sequence, topic, type, data, except));
    return { epoch, sequence };
  }

  async pass({ topic, type, data, except }: Draft): Promise<void> {
    const event = new LogEvent(this.log.epoch, 0, topic, type, data, except);
    for (const tail of this.log.tails) tail.passBy(event);
  }

  async control(message: string): Promise<void> {
    for (const tail of this.log.tails) tail.control(message);
  }

  async health(): Promise<Health> {
    return { ready: true, detail: 'The log is in this process.' };
  }

  async close(): Promise<void> {
    if (this.tail) this.log.tails.delete(this.tail);
  }
}
