import type { Client } from '../../clients/client.js';
import type { SseRequest } from '../../platform/written-body.js';
import type { BodyOutlet } from './body-outlet.js';
import type { Place } from './place.js';

/** A request whose handler has run, and the client that it is. */
export interface SseExchange extends SseRequest {
  readonly client: Client;
  readonly outlet: BodyOutlet;
  /** Where the client is in the log. */
  readonly place: Place;
}
