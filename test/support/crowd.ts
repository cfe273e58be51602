import { connect, type Socket } from 'node:net';
import { Watched } from './watched.js';

/** One of many SSE clients: only what a crowd of thousands can afford to look at. */
class Reader {
  socket: Socket | undefined;
  lastEventId = '';
  /** The reasons of the gap notices that it has got. */
  readonly gaps: string[] = [];
  /** How often its stream was open. */
  visits = 0;
  /** The number that the next event has to have. */
  next = 0;
  outOfOrder = 0;
  isOpen = false;
  /** How long to wait before connecting again, in milliseconds; at first, any time within a second. */
  private retry = Math.random() * 1_000;
  private rest = '';

  constructor(private readonly crowd: Crowd) {}

  connect(): void {
    if (this.crowd.isOver) return;
    const resume = this.lastEventId ? `Last-Event-ID: ${this.lastEventId}\r\n` : '';
    const socket = connect(this.crowd.port, '127.0.0.1');
    this.socket = socket;
    this.isOpen = false;
    this.rest = '';
    socket.on('error', () => undefined);
    socket.on('close', () => this.closed());
    socket.on('data', (data) => this.read(data.toString('latin1')));
    socket.write(`GET ${this.crowd.path} HTTP/1.1\r\nHost: localhost\r\n${resume}\r\n`);
  }

  /** Connects again after the time that the server asked for. */
  comeBack(): void {
    setTimeout(() => this.connect(), this.retry);
  }

  private closed(): void {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    if (wasOpen) this.crowd.left();
    // Who is refused in a storm tries again, as browsers do.
    if (!this.crowd.isOver && (this.crowd.comesBack || !wasOpen)) this.comeBack();
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line.startsWith('data: ')) this.count(line);
      else if (line.startsWith('id: ')) this.lastEventId = line.slice(4);
      else if (line.startsWith('retry: ')) this.opened(Number(line.slice(7)));
      else if (line.startsWith('HTTP/1.1 ') && !line.startsWith('200', 9)) this.socket!.destroy();
      // The end of the body: a client that keeps the connection for another request is not what is looked at here.
      else if (line === '0\r') this.socket!.destroy();
    }
    this.crowd.told();
  }

  private opened(retry: number): void {
    this.retry = retry;
    if (this.isOpen) return;
    this.isOpen = true;
    this.visits++;
    this.crowd.open++;
  }

  private count(line: string): void {
    const number = line.indexOf('"n":');
    if (number < 0) {
      const [, reason] = /"reason":"(\w+)"/.exec(line) ?? [];
      // Without a reason it says where the stream begins.
      if (reason !== undefined) this.gaps.push(reason);
      return;
    }
    const n = parseInt(line.slice(number + 4));
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
  /** Nobody connects any more. */
  isOver = false;
  /** Who is disconnected connects again, each after the delay that the server gave it. */
  comesBack = false;

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
    return {
      outOfOrder: this.readers.reduce((total, { outOfOrder }) => total + outOfOrder, 0),
      gaps: this.readers.reduce((total, { gaps }) => total + gaps.length, 0),
    };
  }

  told(): void {
    this.changed();
  }

  left(): void {
    this.open--;
    this.closed++;
    this.changed();
  }
}
