import { connect, type Socket } from 'node:net';
import { afterTest } from './cleanup.js';
import { Watched } from './watched.js';

/** A TCP connection that keeps every byte, for clients that no library would play. */
export class RawSocket extends Watched {
  isClosed = false;
  private chunks: Buffer[] = [];

  constructor(readonly socket: Socket) {
    super();
    socket.on('data', (bytes) => {
      this.chunks.push(bytes);
      this.changed();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      this.over(`The connection is closed, after ${JSON.stringify(this.text.slice(-500))}`);
    });
  }

  get received(): Buffer {
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }

  get text(): string {
    return this.received.toString();
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Resolves as soon as `part` has been received. */
  async untilText(part: string): Promise<string> {
    await this.until(() => this.text.includes(part));
    return this.text;
  }

  async untilClosed(): Promise<string> {
    await this.until(() => this.isClosed);
    return this.text;
  }

  /** Ends the connection as a process that is killed does: without FIN. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** Connects, and says nothing. */
export async function connectRaw(port: number): Promise<RawSocket> {
  const socket = connect(port, '127.0.0.1');
  const raw = new RawSocket(socket);
  afterTest(() => socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return raw;
}

/** Connects, and sends `request` (lines end with CR LF as HTTP wants it). */
export async function openRaw(port: number, ...lines: string[]): Promise<RawSocket> {
  const raw = await connectRaw(port);
  raw.send(lines.map((line) => `${line}\r\n`).join('') + '\r\n');
  return raw;
}
