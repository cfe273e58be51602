import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { CloseCode, closeCodeOf } from '../../contracts/close-codes.js';
import type { PushError } from '../../contracts/errors.js';
import type { AudienceMember, Outlet } from '../../clients/outlet.js';
import type { StreamMember } from '../../clients/shared-streams.js';
import { bufferOf, type Batch, type Bytes } from '../../contracts/event.js';
import { hasRoom, together } from '../../platform/together.js';
import { UpgradeStream } from '../../platform/upgrade-stream.js';

/**
 * A WebSocket. `ws` handles the protocol; the shared bytes of events and messages are written directly to its socket. Both
 * write whole frames, so their bytes never interleave within one.
 */
export class SocketOutlet implements Outlet {
  private hasAnswered = true;

  /**
   * @param stream the carrier of the WebSocket: a TCP connection or an HTTP/2 stream
   * @param compressed gets compressed events, if the client can read those
   */
  constructor(
    private readonly socketClient: WebSocket,
    readonly stream: Socket,
    private readonly compressed?: StreamMember,
  ) {
    socketClient.on('pong', () => (this.hasAnswered = true));
    if (compressed) this.onClosed(() => compressed.leave());
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

  /** Where the client can read no compressed events. */
  get takesText(): boolean {
    return this.compressed === undefined;
  }

  write(bytes: Bytes, batch?: Batch, member?: AudienceMember): boolean {
    if (!this.isOpen) return true;
    const own = (batch && member && this.compressed?.bytesOf(bufferOf(bytes), batch, member)) ?? bytes;
    return hasRoom(this.stream, this.stream.write(own, 'latin1'));
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

  /** Pings the client (RFC 6455, section 5.5.2). The pong of a paused client is not read, so a paused client counts as alive. */
  probe(): boolean {
    const isAlive = this.hasAnswered || this.socketClient.isPaused;
    this.hasAnswered = false;
    if (this.isOpen) this.socketClient.ping();
    return isAlive;
  }

  end(error?: PushError): void {
    if (error) this.socketClient.close(closeCodeOf(error.code), error.code);
    else this.socketClient.close(CloseCode.ServiceRestart, 'drain');
  }

  destroy(): void {
    this.socketClient.terminate();
  }
}
