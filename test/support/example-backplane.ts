import { Backplane, LogEvent, type Draft, type Position, type Tail } from 'nestjs-push';

/** Stands for your server: it numbers the events, remembers message ids, and knows the nodes. */
export class ExampleLog {
  readonly epoch = Date.now().toString(36);
  readonly known = new Map<string, Position>();
  readonly tails = new Set<Tail>();
  sequence = 0;
}

export class ExampleBackplane extends Backplane {
  private tail?: Tail;

  constructor(private readonly log: ExampleLog) {
    super();
  }

  start(tail: Tail) {
    tail.open({ epoch: this.log.epoch, sequence: this.log.sequence });
    this.log.tails.add(tail);
    this.tail = tail;
  }

  async append(draft: Draft) {
    const { messageId = '' } = draft;
    const { epoch, known, tails } = this.log;
    if (known.has(messageId)) return known.get(messageId)!;
    const position = { epoch, sequence: ++this.log.sequence };
    if (messageId) known.set(messageId, position);
    const event = new LogEvent(epoch, position.sequence, draft);
    for (const tail of tails) tail.deliver(event);
    return position;
  }

  async sendEphemeral(draft: Draft) {
    const event = new LogEvent('', 0, draft);
    for (const tail of this.log.tails) tail.deliverEphemeral(event);
  }

  async control(message: string) {
    for (const tail of this.log.tails) tail.control(message);
  }

  async health() {
    return { ready: true, detail: 'The log is in this process.' };
  }

  async close() {
    this.log.tails.delete(this.tail!);
  }
}
