import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Session } from '../../access/session.js';
import type { Hub } from '../../hub/hub.js';
import type { Reception } from '../lifecycle/reception.js';
import type { TimerWheel } from '../timer-wheel.js';
import { WebSocketConnection } from './websocket-connection.js';

/** The WebSocket connections of this node, by the client object that Nest hands to gateways. */
export class WebSocketConnections {
  private readonly connections = new Map<object, WebSocketConnection>();

  constructor(
    private readonly hub: Hub,
    private readonly wheel: TimerWheel,
    private readonly reception: Reception,
  ) {}

  open(client: WebSocket, request: IncomingMessage, session: Session): WebSocketConnection {
    const { hub, wheel, reception } = this;
    const connection = new WebSocketConnection(client, request.socket, session, { hub, wheel, reception });
    this.connections.set(client, connection);
    return connection;
  }

  of(client: object): WebSocketConnection | undefined {
    return this.connections.get(client);
  }

  /** Idempotent. */
  close(client: object): void {
    this.connections.get(client)?.close();
    this.connections.delete(client);
  }
}
