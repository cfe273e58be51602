/* nestjs-push/nats. Needs @nats-io/transport-node and @nats-io/jetstream. */
export { natsBackplane, NatsBackplane } from './nats.backplane.js';
export type { NatsBackplaneOptions } from './nats.options.js';
