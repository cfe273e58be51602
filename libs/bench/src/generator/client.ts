import type { Socket } from 'node:net';
import type { Step } from './handshakes.js';
import type { Reader } from './reader.js';
import { openSocket, type Target } from './socket.js';

/** One connection of the load generator: a bare socket. */
export class Client {
  private readonly socket: Socket;
  /** What came of a step that is not complete yet. */
  private heard: Buffer | undefined;
  private step = -1;
  private isClosing = false;

  /**
   * @param onReady is called once the handshake is done
   * @param onFailure is told what ended the connection, if it was not `close`
   */
  constructor(
    target: Target,
    private readonly steps: readonly Step[],
    private readonly reader: Reader,
    private readonly onReady: () => void,
    private readonly onFailure: (error: Error) => void,
  ) {
    const receive = (bytes: Buffer, length: number) => this.receive(bytes, length);
    this.socket = openSocket(target, receive, () => this.proceed());
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('The server closed a connection.')));
  }

  get next(): number {
    return this.reader.next;
  }

  get count(): number {
    return this.reader.count;
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

  private proceed(): void {
    const step = this.steps[++this.step];
    if (!step) this.onReady();
    else if (step.say.length > 0) this.socket.write(step.say);
  }

  private receive(bytes: Buffer, length: number): void {
    try {
      if (this.step >= this.steps.length) this.reader.read(bytes, length);
      else this.listen(bytes.subarray(0, length));
    } catch (error) {
      this.fail(error as Error);
      this.close();
    }
  }

  private listen(bytes: Buffer): void {
    let rest = this.heard ? Buffer.concat([this.heard, bytes]) : bytes;
    this.heard = undefined;
    for (let step = this.steps[this.step]; step; step = this.steps[this.step]) {
      const at = rest.indexOf(step.expect);
      if (at < 0) {
        this.heard = Buffer.from(rest);
        return;
      }
      const head = rest.toString('latin1', 0, at);
      if (this.step === 0 && !/^HTTP\/1\.1 (200|101) /.test(head)) throw new Error(head);
      rest = rest.subarray(at + step.expect.length);
      this.proceed();
    }
    this.reader.read(rest, rest.length);
  }

  private fail(error: Error): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.onFailure(error);
  }
}
