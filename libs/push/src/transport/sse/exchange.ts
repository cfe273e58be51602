import type { Client } from '../../clients/client.js';
import type { SseRequest } from '../../platform/written-body.js';
import type { BodyOutlet } from './body-outlet.js';
import type { RoutePosition } from './route-position.js';

/** A request whose handler has run, with the client that sent it. */
export interface SseExchange extends SseRequest {
  readonly client: Client;
  readonly outlet: BodyOutlet;
  /** The position of the client in the log. */
  readonly position: RoutePosition;
}
