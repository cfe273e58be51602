/* nestjs-push/outbox. Needs pg. */
export { PushOutboxModule, type PushOutboxExtras } from './push-outbox.module.js';
export type { OutboxPurpose, PushOutboxOptions } from './outbox.options.js';
export { PushOutbox, type OutboxPublishOptions, type OutboxStats } from './push-outbox.js';
export type { FailedEvent } from './failed-rows.js';
export type { OutboxStep } from './steps.js';
export type { OutboxTransaction } from './transactions/transaction-of.js';
export {
  PushOutboxTransport,
  type OutboxTransportBus,
  type OutboxTransportMessage,
  type PushOutboxTransportOptions,
} from './push-outbox-transport.js';
