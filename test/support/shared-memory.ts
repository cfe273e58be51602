import { Backplane, MemoryBackplane, type Draft, type Health, type Position, type Tail } from 'nestjs-push';

/** One log in this process that several applications share, as nodes do. */
export class SharedMemory {
  private readonly log = new MemoryBackplane();
  private readonly tails: Tail[] = [];
  private origin!: Position;
  /** Cut off: control messages of any node are lost, or refused. */
  control: 'works' | 'is lost' | 'fails' = 'works';

  constructor() {
    this.log.start({
      open: (position) => (this.origin = position),
      deliver: (event) => this.tails.forEach((tail) => tail.deliver(event)),
      skip: (sequence) => this.tails.forEach((tail) => tail.skip(sequence)),
      reach: (sequence) => this.tails.forEach((tail) => tail.reach(sequence)),
      deliverEphemeral: (event) => this.tails.forEach((tail) => tail.deliverEphemeral(event)),
      congested: () => undefined,
      control: (message) => this.tails.forEach((tail) => tail.control(message)),
    });
  }

  /** The backplane of one node. */
  node(): Backplane {
    const { log, tails, origin } = this;
    const control = (message: string) => {
      if (this.control === 'is lost') return Promise.resolve();
      return this.control === 'works' ? log.control(message) : Promise.reject(new Error('cut off'));
    };
    class Node extends Backplane {
      override readonly oneTimeStore = log.oneTimeStore;
      start(tail: Tail): void {
        tails.push(tail);
        tail.open(origin);
      }
      append = (draft: Draft) => log.append(draft);
      sendEphemeral = (draft: Draft) => log.sendEphemeral(draft);
      control = control;
      health = (): Promise<Health> => log.health();
      close = () => Promise.resolve();
    }
    return new Node();
  }
}
