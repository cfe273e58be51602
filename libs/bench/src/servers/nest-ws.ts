import { Module } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocketGateway, type OnGatewayConnection, type OnGatewayDisconnect } from '@nestjs/websockets';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { nestApplication } from '../server/nest.js';
import { Rooms, topicOf } from '../server/rooms.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';

/* Nest's WsAdapter, and a gateway that sends to each of its clients. */

@WebSocketGateway({ path: '/events' })
class EventsGateway implements OnGatewayConnection<WebSocket>, OnGatewayDisconnect<WebSocket> {
  readonly rooms = new Rooms<WebSocket>();

  handleConnection(client: WebSocket, request: IncomingMessage): void {
    this.rooms.join(topicOf(request), client);
  }

  handleDisconnect(client: WebSocket): void {
    this.rooms.leave(client);
  }
}

@Module({ providers: [EventsGateway] })
class AppModule {}

export async function start({ platform }: ServerOptions): Promise<BenchServer> {
  const app = await nestApplication(AppModule, platform, {
    configure: (nest) => nest.useWebSocketAdapter(new WsAdapter(nest)),
  });
  const { rooms } = app.get(EventsGateway);
  return {
    http: app.getHttpServer(),
    publish(event, topic) {
      const message = JSON.stringify({ event: 'message', data: event });
      for (const client of rooms.of(topic)) if (client.readyState === WebSocket.OPEN) client.send(message);
    },
  };
}
