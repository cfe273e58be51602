import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { connect, type ClientHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/**
 * Takes requests and WebSockets of HTTP/1.1, and carries all of them over one HTTP/2 session (RFC 8441), as a gateway does.
 * So clients that know nothing of HTTP/2 reach a server that way.
 */
export class Http2Tunnel {
  private readonly server = createServer();
  private session: Promise<ClientHttp2Session> | undefined;
  private streams = 0;

  private constructor(private readonly origin: string) {
    this.server.on('upgrade', (request, socket: Socket, head) => void this.carry(request, socket, head));
    this.server.on('request', (request, response) => void this.forward(request, response));
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

  private connected(): Promise<ClientHttp2Session> {
    return (this.session ??= this.open());
  }

  private async open(): Promise<ClientHttp2Session> {
    const session = connect(this.origin, { rejectUnauthorized: false });
    const forget = () => (this.session = undefined);
    session.on('error', () => undefined);
    session.once('goaway', forget).once('close', forget);
    await Promise.race([once(session, 'remoteSettings'), once(session, 'close')]);
    return session;
  }

  /** Nobody needs it any more, and a server may want to see it gone. */
  private left(session: ClientHttp2Session): void {
    if (--this.streams > 0) return;
    this.session = undefined;
    session.close();
  }

  private async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = await this.connected();
    if (session.destroyed || session.closed) return void response.destroy();
    const { host, connection: _, 'transfer-encoding': __, ...headers } = request.headers;
    const stream = session.request(
      {
        ...headers,
        ':method': request.method,
        ':path': request.url,
        ':authority': host,
      },
      { endStream: false },
    );
    this.streams++;
    stream.on('error', () => undefined);
    stream.once('response', ({ ':status': status = 0, ...answer }) => {
      response.writeHead(status, answer);
      response.flushHeaders();
      stream.pipe(response);
    });
    stream.once('close', () => {
      if (stream.rstCode) response.destroy();
      this.left(session);
    });
    response.once('close', () => stream.close(8));
    request.pipe(stream);
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
      this.left(session);
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
