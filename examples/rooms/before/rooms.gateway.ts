import type { OnGatewayInit } from '@nestjs/websockets';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
} from '@nestjs/websockets';
import { Server, Socket } from 'socket.io';
import { userOf } from './users.js';

@WebSocketGateway()
export class RoomsGateway implements OnGatewayInit<Server> {
  @WebSocketServer()
  private readonly server!: Server;

  afterInit(server: Server): void {
    server.use((socket, next) => {
      const user = userOf(socket.handshake.auth.token as string | undefined);
      socket.data = { user };
      next(user ? undefined : new Error('Unauthorized'));
    });
  }

  @SubscribeMessage('join')
  async join(@ConnectedSocket() socket: Socket, @MessageBody() room: string) {
    await socket.join(`room:${room}`);
    return room;
  }

  @SubscribeMessage('say')
  say(@ConnectedSocket() socket: Socket, @MessageBody() { room, text }: { room: string; text: string }) {
    if (!socket.rooms.has(`room:${room}`)) throw new WsException('Join the room first.');
    const { user } = socket.data as { user: string };
    this.server.to(`room:${room}`).emit('line', { author: user, text });
    return true;
  }
}
