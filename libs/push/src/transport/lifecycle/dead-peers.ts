import type { ClientConnections } from './client-connections.js';
import { tcpKey, unacknowledged, type TcpKey } from './tcp-table.js';

/**
 * Finds clients that vanished without a word, on connections where nothing comes back that would tell: server-sent events
 * over HTTP/1.1. Heartbeats make sure that something is on its way to each; who has not acknowledged it for half an
 * interval, with the kernel trying all along, is gone. WebSocket asks by ping and needs no help.
 */
export class DeadPeers {
  private timer: NodeJS.Timeout | undefined;
  private suspects = new Map<TcpKey, number>();

  /** @param interval milliseconds between two heartbeats */
  constructor(
    private readonly connections: ClientConnections,
    private readonly interval: number,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.look(), this.interval / 2).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (!this.connections.some((connection) => connection.socket !== undefined)) return;
    const current = await unacknowledged();
    if (current.size > 0) {
      for (const connection of this.connections.all()) {
        const { localPort, remoteAddress, remotePort } = connection.socket ?? {};
        if (!localPort || !remoteAddress || !remotePort) continue;
        const key = tcpKey(localPort, remoteAddress, remotePort);
        const before = this.suspects.get(key);
        if (before !== undefined && (current.get(key) ?? 0) > before) {
          connection.reason = 'timeout';
          connection.destroy();
        }
      }
    }
    this.suspects = current;
  }
}
