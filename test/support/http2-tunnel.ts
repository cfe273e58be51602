import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import { connect, type ClientHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/**
 * Takes WebSockets of HTTP/1.1, and carries all of them over one HTTP/2 session (RFC 8441), as a gateway does. So clients
 * that know nothing of HTTP/2 reach a server that way.
 */
export class Http2Tunnel {
  private readonly server = createServer();
  private session: Promise<ClientHttp2Session> | undefined;
  private streams = 0;

  private constructor(private readonly origin: string) {
    this.server.on('upgrade', (request, socket: Socket, head) => void this.carry(request, socket, head));
  }

  static async start(origin: string): Promise<Http2Tunnel> {
    const tunnel = new Http2Tunnel(origin);
    await once(tunnel.server.listen(0, '127.0.0.1'), 'listening');
    return tunnel;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    (await this.session)?.destroy();
    this.server.close();
  }

  private async connected(): Promise<ClientHttp2Session> {
    return (this.session ??= (async () => {
      const session = connect(this.origin, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      session.once('close', () => (this.session = undefined));
      await Promise.race([once(session, 'remoteSettings'), once(session, 'close')]);
      return session;
    })());
  }

  private async carry({ url, headers }: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    socket.unshift(head);
    const session = await this.connected();
    if (session.destroyed || session.closed) return void socket.destroy();
    const { host, connection: _, upgrade: __, 'sec-websocket-key': key, ...others } = headers;
    const connect = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http' };
    const stream = session.request(
      { ...others, ...connect, ':authority': host, ':path': url },
      { endStream: false },
    );
    this.streams++;
    stream.on('error', () => undefined);
    stream.once('close', () => {
      socket.destroy();
      if (--this.streams === 0) session.close();
    });
    socket.once('close', () => stream.close(8));
    stream.once('response', ({ ':status': status = 0, ...answer }) => {
      const lines = Object.entries(answer).flatMap(([name, value]) =>
        [value].flat().map((each) => `${name}: ${each}`),
      );
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const first =
        status === 200
          ? `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`
          : `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close`;
      socket.write([first, ...lines, '\r\n'].join('\r\n'));
      stream.pipe(socket);
      socket.pipe(stream);
    });
  }
}
