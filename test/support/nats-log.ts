import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { RetentionRules } from 'nestjs-push';
import { natsBackplane, type NatsBackplaneOptions } from 'nestjs-push/nats';
import type { RecordedNode } from 'nestjs-push/testing';
import { afterTest } from './cleanup.js';
import type { LogTrial } from './log-trial.js';
import { publishingOn, recordingOn, running } from './log-on-server.js';
import { startNats, type ServerProcess } from './servers.js';

/** A backplane that waits long for its server. */
export const at = (port: number, more: NatsBackplaneOptions = {}) =>
  natsBackplane({ servers: `127.0.0.1:${port}`, publishTimeout: 30_000, ...more });

/** A server that ends after the test. */
export const nats = (): Promise<ServerProcess> => running(startNats());

/** A node that records what it reads. By itself it drops nothing. */
export const node = (
  port: number,
  options?: NatsBackplaneOptions,
  retention?: RetentionRules,
): Promise<RecordedNode> => recordingOn(at(port, options), retention);

/** Three nodes that publish and read. */
export const publishing = (port: number, options?: NatsBackplaneOptions): Promise<LogTrial> =>
  publishingOn(() => at(port, options));

/** Whoever administers the streams of a server. */
export async function admin(port: number): Promise<JetStreamManager> {
  const connection: NatsConnection = await connect({ servers: `127.0.0.1:${port}` });
  afterTest(() => connection.close());
  return jetstreamManager(connection);
}

/** A stream that only this test has. */
export interface OwnStream {
  readonly options: NatsBackplaneOptions & { readonly stream: string };
  readonly manager: JetStreamManager;
}

/**
 * Has one server for the tests of a describe block, and a stream of its own for each.
 *
 * @param prefix what the names of the streams begin with
 * @param take gets the stream before each test
 */
export function eachInOwnStream(prefix: string, take: (own: OwnStream) => void): void {
  let server: ServerProcess;
  let streams = 0;
  beforeAll(async () => {
    server = await startNats();
  });
  beforeEach(async () => {
    const options = { servers: `127.0.0.1:${server.port}`, stream: `${prefix}-${++streams}` };
    take({ options, manager: await admin(server.port) });
  });
  afterAll(() => server.dispose());
}
