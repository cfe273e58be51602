/* nestjs-push/testing. Needs `describe`, `it`, `beforeEach` and `afterEach` as globals: Jest, or Vitest with `globals`. */
export { describeBackplane, type BackplaneSuiteOptions, type LogUnderTest } from './backplane.contract.js';
export { describeGroups } from './groups.contract.js';
export { MemoryHistory } from './memory-history.js';
export { MemoryLog } from './memory-log.js';
export { RecordingTail, startRecording, type RecordedNode } from './recording-tail.js';
export { TransportClient, type TransportRequest } from './transport-client.js';
export type { StartTransport, TransportUnderTest } from './transport-scene.js';
export { describeTransport } from './transport.contract.js';
