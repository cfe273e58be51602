/* nestjs-push/testing/app: for the tests of applications, whatever runs them. */
export { PushTestingError } from './changes.js';
export { pushTesting, PushTesting, type ConnectOptions, type PushTestingOptions } from './push-testing.js';
export type { ConnectionEnd, MessageNamed, PublicationOptions, ReceivedEvent } from './client-messages.js';
export { PushTestClient } from './test-client.js';
export type { TestLog } from './test-log.js';
export type { TestTime } from './test-time.js';
