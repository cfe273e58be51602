import type { OnGatewayDisconnect } from '@nestjs/websockets';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import type { Status } from './order.js';

@WebSocketGateway({ path: '/tracking' })
export class OrdersGateway implements OnGatewayDisconnect {
  private readonly watchers = new Map<string, Set<WebSocket>>();

  @SubscribeMessage('track')
  track(@ConnectedSocket() socket: WebSocket, @MessageBody() id: string) {
    const watchers = this.watchers.get(id) ?? new Set();
    this.watchers.set(id, watchers.add(socket));
    return { event: 'tracking', data: id };
  }

  handleDisconnect(socket: WebSocket): void {
    for (const watchers of this.watchers.values()) watchers.delete(socket);
  }

  tell(id: string, status: Status): void {
    const message = JSON.stringify({ event: 'status', data: { id, status } });
    for (const socket of this.watchers.get(id) ?? []) socket.send(message);
  }
}
