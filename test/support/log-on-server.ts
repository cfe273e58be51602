import { Logger } from '@nestjs/common';
import type { Backplane, RetentionRules } from 'nestjs-push';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import { afterTest } from './cleanup.js';
import { keepAll, LogTrial } from './log-trial.js';
import { KeepingLogger } from './logged.js';
import type { ServerProcess } from './servers.js';
import { TcpProxy } from './tcp-proxy.js';

/** What tests of a log on a server of any kind begin with. All of it ends after the test. */

/** A server. */
export async function running(starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting;
  afterTest(() => server.dispose());
  return server;
}

/** A network to a server. */
export async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(port);
  afterTest(() => proxy.dispose());
  return proxy;
}

/** A node that records what it reads. */
export async function recordingOn(
  backplane: Backplane,
  retention: RetentionRules = keepAll,
): Promise<RecordedNode> {
  const node = await startRecording(backplane, retention);
  afterTest(() => node.backplane.close());
  return node;
}

/** Three nodes that publish and read. */
export async function publishingOn(backplane: () => Backplane): Promise<LogTrial> {
  const trial = new LogTrial();
  afterTest(() => trial.end());
  for (let i = 0; i < 3; i++) await trial.join(backplane());
  trial.publish();
  await trial.untilMore(200);
  return trial;
}

/** Captures what people are told. */
export function capturedLog(): string[] {
  const { lines } = KeepingLogger.install();
  afterTest(() => Logger.overrideLogger(false));
  return lines;
}
