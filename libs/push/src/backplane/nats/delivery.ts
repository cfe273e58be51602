/** What the server says about a message that a consumer delivers. */
export interface Stamp {
  /** Its place in the stream. */
  readonly sequence: number;
  /** Its place among what this consumer was delivered, from 1 on. */
  readonly delivery: number;
  /** When the server stored it, in milliseconds of its clock. */
  readonly time: number;
}

/**
 * Reads the stamp from the reply subject (NATS ADR-15):
 * `$JS.ACK.[domain.account.]stream.consumer.deliveries.sequence.delivery.time.pending[.random]`.
 */
export function stampOf({ reply = '' }: { readonly reply?: string }): Stamp {
  const tokens = reply.split('.');
  const first = tokens.length > 9 ? 7 : 5;
  return {
    sequence: Number(tokens[first]),
    delivery: Number(tokens[first + 1]),
    time: Number(tokens[first + 2]!.slice(0, -6)),
  };
}
