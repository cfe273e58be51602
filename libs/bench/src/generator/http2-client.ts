import type { Socket } from 'node:net';
import { acknowledgement, Frames, opening, request, windowUpdate, type Frame } from './http2-frames.js';
import type { Reader } from './reader.js';
import { openSocket, type Target } from './socket.js';

/** How many bytes are received until the server may send as many more. */
const replenishAt = 2 ** 29;

/** One connection of HTTP/2 (RFC 9113), with a stream for each of its readers. */
export class Http2Client {
  private readonly socket: Socket;
  private readonly frames = new Frames((frame) => this.take(frame));
  private waiting: number;
  private received = 0;
  private isClosing = false;

  /**
   * @param paths what is asked for, by stream
   * @param readers who reads it, by stream
   * @param onReady is called once all streams are answered
   * @param onFailure is told what ended the connection or a stream, if it was not `close`
   */
  constructor(
    target: Target,
    paths: readonly string[],
    private readonly readers: readonly Reader[],
    private readonly onReady: () => void,
    private readonly onFailure: (error: Error) => void,
  ) {
    this.waiting = paths.length;
    const receive = (bytes: Buffer, length: number) => this.receive(bytes, length);
    this.socket = openSocket(target, receive, () => {
      const requests = paths.map((path, index) => request(2 * index + 1, path, target.carrier === 'h2'));
      this.socket.write(Buffer.concat([opening, ...requests]));
    });
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('The server closed a connection.')));
  }

  get next(): number {
    return this.readers.reduce((least, { next }) => Math.min(least, next), Infinity);
  }

  get count(): number {
    return this.readers.reduce((sum, { count }) => sum + count, 0);
  }

  /** Reads nothing more, as a client that hangs. */
  stall(): void {
    this.socket.pause();
  }

  /** Resets the connection: thousands of sockets in TIME_WAIT would disturb the next run. */
  close(): void {
    this.isClosing = true;
    this.socket.resetAndDestroy();
  }

  private receive(bytes: Buffer, length: number): void {
    try {
      this.frames.read(bytes, length);
    } catch (error) {
      this.fail(error as Error);
      this.close();
    }
  }

  private take({ type, isAcknowledged, stream, bytes }: Frame): void {
    if (type === 'data') {
      this.readers[(stream - 1) / 2]!.read(bytes, bytes.length);
      this.received += bytes.length;
      if (this.received >= replenishAt) this.replenish();
    } else if (type === 'headers') {
      if (--this.waiting === 0) this.onReady();
    } else if (type === 'settings' && !isAcknowledged) this.socket.write(acknowledgement);
  }

  private replenish(): void {
    this.socket.write(windowUpdate(0, this.received));
    this.received = 0;
  }

  private fail(error: Error): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.onFailure(error);
  }
}
