import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { CloseCode, closeCodeOf } from '../../contracts/close-codes.js';
import type { PushError } from '../../contracts/errors.js';
import type { Outlet } from '../../clients/outlet.js';
import { hasRoom, together } from '../../platform/together.js';
import { UpgradeStream } from '../../platform/upgrade-stream.js';

/**
 * A WebSocket. `ws` keeps the protocol; the shared bytes of events and messages go to the socket beside it. Both write whole
 * frames only, so they never mix within one.
 */
export class SocketOutlet implements Outlet {
  private hasAnswered = true;

  /** @param stream what carries the WebSocket: a TCP connection, or a stream of HTTP/2 */
  constructor(
    private readonly socketClient: WebSocket,
    readonly stream: Socket,
  ) {
    socketClient.on('pong', () => (this.hasAnswered = true));
  }

  get http2(): Http2Session | undefined {
    return this.stream instanceof UpgradeStream ? this.stream.session : undefined;
  }

  get isOpen(): boolean {
    return this.socketClient.readyState === WebSocket.OPEN;
  }

  get isFull(): boolean {
    return this.stream.writableNeedDrain;
  }

  write(bytes: Buffer): boolean {
    return this.isOpen ? hasRoom(this.stream, this.stream.write(bytes)) : true;
  }

  onDrain(listener: () => void): void {
    this.stream.on('drain', listener);
  }

  onClosed(listener: () => void): void {
    if (this.socketClient.readyState === WebSocket.CLOSED) listener();
    else this.socketClient.once('close', listener);
  }

  together(run: () => void): void {
    together(this.stream, run);
  }

  /** By ping (RFC 6455, section 5.5.2). A client that is not read cannot be heard. */
  probe(): boolean {
    const isThere = this.hasAnswered || this.socketClient.isPaused;
    this.hasAnswered = false;
    if (this.isOpen) this.socketClient.ping();
    return isThere;
  }

  end(error?: PushError): void {
    if (error) this.socketClient.close(closeCodeOf(error.code), error.code);
    else this.socketClient.close(CloseCode.ServiceRestart, 'drain');
  }

  destroy(): void {
    this.socketClient.terminate();
  }
}
