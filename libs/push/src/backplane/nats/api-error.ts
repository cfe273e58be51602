import { JetStreamApiError } from '@nats-io/jetstream';

/** Whether the server refused with this error code of the JetStream API. */
export function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
