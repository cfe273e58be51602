import type { ServerMessage } from 'nestjs-push';
import { TransportClient, type TransportRequest } from 'nestjs-push/testing';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { codeOf, headersOf } from './body-client.js';

/** A WebSocket that subscribes as soon as it is greeted. */
export class WsTransportClient extends TransportClient {
  private readonly socket: WebSocket;

  constructor(
    url: string,
    private readonly asked: TransportRequest,
  ) {
    super();
    this.socket = new WebSocket(url, { headers: headersOf(asked) });
    this.socket.on('message', (bytes: Buffer) => this.read(JSON.parse(bytes.toString()) as ServerMessage));
    this.socket.on('unexpected-response', (_, response) => {
      text(response).then(
        (body) => this.refuse(codeOf(body)),
        () => this.end(),
      );
    });
    this.socket.on('error', () => undefined).on('close', () => this.end());
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  leave(): void {
    this.socket.close();
  }

  vanish(): void {
    this.socket.terminate();
  }

  private read(message: ServerMessage): void {
    const { topics, from } = this.asked;
    if (message.event === 'hello')
      this.socket.send(JSON.stringify({ event: 'subscribe', data: { topics, from, ref: 'asked' } }));
    // What is not granted is an error, and the connection goes on.
    if (message.event === 'error' && message.data.ref) this.refuse(message.data.code);
    else this.tell(message);
  }
}
