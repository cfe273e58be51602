import type { Http2Session } from 'node:http2';
import type { ClientConnection } from './client-connection.js';
import type { ClientConnections } from './client-connections.js';
import { tcpKey, unacknowledged, type TcpKey } from './tcp-table.js';

/**
 * Finds clients that vanished without a word. On server-sent events over HTTP/1.1 nothing comes back that would tell:
 * heartbeats make sure that something is on its way to each; who has not acknowledged it for half an interval, with the
 * kernel trying all along, is gone. HTTP/2 sessions are asked by PING (RFC 9113, section 6.7), and have an interval to
 * answer. WebSocket over HTTP/1.1 asks by its own ping and needs no help.
 */
export class DeadPeers {
  private timer: NodeJS.Timeout | undefined;
  private suspects = new Map<TcpKey, number>();
  /** How often those who have yet to answer were looked at since they were asked. */
  private readonly asked = new WeakMap<Http2Session, number>();

  /** @param interval milliseconds between two heartbeats */
  constructor(
    private readonly connections: ClientConnections,
    private readonly interval: number,
  ) {}

  start(): void {
    this.timer = setInterval(() => {
      this.askSessions();
      void this.lookAtSockets();
    }, this.interval / 2).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private askSessions(): void {
    const sessions = new Map<Http2Session, ClientConnection[]>();
    for (const connection of this.connections.all()) {
      const session = connection.http2;
      if (!session || session.destroyed) continue;
      const others = sessions.get(session);
      if (others) others.push(connection);
      else sessions.set(session, [connection]);
    }
    for (const [session, connections] of sessions) {
      const looks = this.asked.get(session);
      if (looks === undefined) {
        this.asked.set(session, 1);
        session.ping(() => this.asked.delete(session));
      } else if (looks < 2) this.asked.set(session, looks + 1);
      else {
        connections.forEach(timeOut);
        session.destroy();
      }
    }
  }

  private async lookAtSockets(): Promise<void> {
    if (!this.connections.some((connection) => connection.socket !== undefined)) return;
    const current = await unacknowledged();
    if (current.size > 0) {
      for (const connection of this.connections.all()) {
        const { localPort, remoteAddress, remotePort } = connection.socket ?? {};
        if (!localPort || !remoteAddress || !remotePort) continue;
        const key = tcpKey(localPort, remoteAddress, remotePort);
        const before = this.suspects.get(key);
        if (before !== undefined && (current.get(key) ?? 0) > before) timeOut(connection);
      }
    }
    this.suspects = current;
  }
}

function timeOut(connection: ClientConnection): void {
  connection.reason = 'timeout';
  connection.destroy();
}
