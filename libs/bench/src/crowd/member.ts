import { connect, type Socket } from 'node:net';

/** All reads of the process go here. */
const input = Buffer.allocUnsafe(256 * 1024);

const head = /^HTTP\/1\.1 (\d+) /;
const idField = /(?:^|\n)id: (\S+)\n/;
const event = /(?:^|\n)data: \{"n":(\d+),"at":(\d+)\}\n/;

/** How a member has lost its connection. */
export interface Leaving {
  /** Its stream had begun. */
  readonly wasIn: boolean;
  /** It was told to go elsewhere. */
  readonly wasRefused: boolean;
}

/** What a member tells those who watch it. */
export interface MemberListener {
  /** Its stream has begun. */
  entered(member: Member): void;
  /** Its connection is closed. */
  away(member: Member, how: Leaving): void;
  /** @param at microseconds: when the event was published */
  received(at: number): void;
}

/**
 * One client of the crowd: a bare socket that reads an event stream and resumes it on another node. It gets the events of its room,
 * which are numbered from 0, and knows which are missing.
 */
export class Member {
  /** Number of the event that has to come next. */
  next = 0;
  /** Events that never came, although nobody said so. */
  lost = 0;
  /** Events that came once more. */
  repeated = 0;
  /** How often it was told that events are gone. */
  gaps = 0;
  private id: string | undefined;
  private rest = '';
  private socket: Socket | undefined;
  private isIn = false;
  private isTold = false;

  constructor(
    private readonly room: number,
    /** Which of the ports it is on. */
    public node: number,
    private readonly localAddress: string,
    private readonly listener: MemberListener,
  ) {}

  connect(port: number): void {
    this.rest = '';
    this.isIn = false;
    let status = 0;
    const receive = (length: number) => {
      const text = this.rest + input.toString('latin1', 0, length);
      if (status === 0) status = Number(head.exec(text)?.[1]);
      if (status === 200) this.read(text);
      else socket.destroy();
      return true;
    };
    const onread = { buffer: input, callback: receive };
    const options = { port, host: '127.0.0.1', localAddress: this.localAddress, noDelay: true, onread };
    const socket = connect(options, () => socket.write(this.request));
    socket.on('error', () => undefined);
    socket.on('close', () => this.listener.away(this, { wasIn: this.isIn, wasRefused: status > 200 }));
    this.socket = socket;
  }

  /** Ends its connection, for good. */
  leave(): void {
    this.socket?.removeAllListeners('close').resetAndDestroy();
  }

  private get request(): string {
    const resume = this.id === undefined ? '' : `Last-Event-ID: ${this.id}\r\n`;
    // A refusal is a status then, and not a stream that ends.
    const fixed = 'Host: localhost\r\nAccept: text/event-stream\r\nPush-Refusals: status\r\n';
    return `GET /rooms/${this.room} HTTP/1.1\r\n${fixed}${resume}\r\n`;
  }

  /** Takes whole blocks, wherever the chunks begin. */
  private read(text: string): void {
    let from = 0;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', from)) {
      this.take(text.slice(from, end + 1));
      from = end + 2;
    }
    this.rest = from < text.length ? text.slice(from) : '';
  }

  private take(block: string): void {
    this.id = idField.exec(block)?.[1] ?? this.id;
    const [, n, published] = event.exec(block) ?? [];
    if (n !== undefined) this.count(Number(n), Number(published));
    else if (block.includes('event: push.gap\n')) {
      this.gaps++;
      this.isTold = true;
    } else if (!this.isIn && block.includes('retry: ')) {
      this.isIn = true;
      this.listener.entered(this);
    }
  }

  private count(n: number, published: number): void {
    if (n < this.next) this.repeated++;
    else {
      if (!this.isTold) this.lost += n - this.next;
      this.next = n + 1;
    }
    this.isTold = false;
    this.listener.received(published);
  }
}
