import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Session } from '../../access/session.js';
import type { Hub } from '../../hub/hub.js';
import type { Reception } from '../../clients/reception.js';
import type { TimerWheel } from '../../clients/timer-wheel.js';
import { WebSocketConnection, type WebSocketDesk } from './websocket-connection.js';

/** The WebSocket connections of this node, by the client object that Nest hands to gateways. */
export class WebSocketConnections {
  private readonly connections = new Map<object, WebSocketConnection>();
  private readonly desk: WebSocketDesk;

  constructor(hub: Hub, wheel: TimerWheel, reception: Reception) {
    this.desk = { hub, wheel, reception, forget: (client) => this.connections.delete(client) };
  }

  open(client: WebSocket, request: IncomingMessage, session: Session): WebSocketConnection {
    const connection = new WebSocketConnection(client, request.socket, session, this.desk);
    this.connections.set(client, connection);
    return connection;
  }

  /** The connection of a client that is there, or whose last words are still being handled. */
  of(client: object): WebSocketConnection | undefined {
    return this.connections.get(client);
  }

  /** The client is gone. Idempotent. */
  close(client: object): void {
    this.connections.get(client)?.close();
  }
}
