/* nestjs-push/testing/app: for the tests of applications, whatever runs them. */
export { PushTestingError } from './changes.js';
export { pushTesting, PushTesting, type ConnectOptions, type PushTestingOptions } from './push-testing.js';
export { PushTestClient, type ConnectionEnd, type MessageNamed, type ReceivedEvent } from './test-client.js';
export type { TestLog } from './test-log.js';
export type { TestTime } from './test-time.js';
