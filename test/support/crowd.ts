import { connect, type Socket } from 'node:net';
import { Watched } from './watched.js';

/** One of many SSE clients: only what a crowd of thousands can afford to look at. */
class Reader {
  socket: Socket | undefined;
  lastEventId = '';
  gaps = 0;
  /** The number that the next event has to have, if events are numbered. */
  next = 0;
  outOfOrder = 0;
  isOpen = false;
  /** How long to wait before connecting again, in milliseconds; at first, any time within a second. */
  private retry = Math.random() * 1_000;
  private rest = '';

  constructor(private readonly crowd: Crowd) {}

  connect(): void {
    const resume = this.lastEventId ? `Last-Event-ID: ${this.lastEventId}\r\n` : '';
    const socket = connect(this.crowd.port, '127.0.0.1');
    this.socket = socket;
    this.isOpen = false;
    this.rest = '';
    socket.on('error', () => undefined);
    socket.on('close', () => {
      // Who is refused in a storm tries again, as browsers do.
      if (this.isOpen) this.crowd.left();
      else if (!this.crowd.isOver) this.comeBack();
    });
    socket.on('data', (data) => this.read(data.toString('latin1')));
    socket.write(`GET ${this.crowd.path} HTTP/1.1\r\nHost: localhost\r\n${resume}\r\n`);
  }

  /** Connects again after the time that the server asked for. */
  comeBack(): void {
    setTimeout(() => this.connect(), this.retry);
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('id: ')) this.lastEventId = line.slice(4);
      else if (line.startsWith('event: push.gap')) this.gaps++;
      else if (line.startsWith('retry: ') && !this.isOpen) {
        this.retry = Number(line.slice(7));
        this.isOpen = true;
        this.crowd.open++;
      } else if (line.startsWith('data: {"topic"')) this.count(line);
    }
    this.crowd.told();
  }

  private count(line: string): void {
    const n = Number(/"n":(\d+)/.exec(line)?.[1] ?? this.next);
    if (n !== this.next) this.outOfOrder++;
    this.next = n + 1;
    this.crowd.events++;
  }
}

/** Thousands of SSE clients on raw sockets. */
export class Crowd extends Watched {
  readonly readers: Reader[];
  /** How many are connected, how many events they have got together, how many connections have ended. */
  open = 0;
  events = 0;
  closed = 0;
  isOver = false;

  constructor(
    public port: number,
    size: number,
    readonly path = '/push/events?topic=news.>',
  ) {
    super();
    this.readers = Array.from({ length: size }, () => new Reader(this));
  }

  /** Connects everyone, each after the delay that the server gave it, and resolves when all are. */
  async connect(): Promise<void> {
    this.open = 0;
    for (const reader of this.readers) reader.comeBack();
    await this.until(() => this.open === this.readers.length);
  }

  /** Drops everyone at once, for good if it `isOver`. */
  drop(isOver = false): void {
    this.isOver = isOver;
    for (const { socket } of this.readers) socket?.destroy();
  }

  /** What went wrong for anyone: events lost, repeated or out of order, and gap notices. */
  get faults(): { outOfOrder: number; gaps: number } {
    const sum = (key: 'outOfOrder' | 'gaps') =>
      this.readers.reduce((total, reader) => total + reader[key], 0);
    return { outOfOrder: sum('outOfOrder'), gaps: sum('gaps') };
  }

  told(): void {
    this.changed();
  }

  left(): void {
    this.closed++;
    this.changed();
  }
}
