import { failureOf } from '../bus/failure.js';
import { PushError } from '../contracts/errors.js';
import { LogEvent } from '../contracts/event.js';
import type { Position } from '../contracts/position.js';
import { snapshotMeta, type Snapshot } from '../contracts/snapshot.js';
import type { Hub } from '../hub/hub.js';
import { DatedSnapshot } from './push-snapshot.decorator.js';
import type { SnapshotRun } from './snapshot-run.js';

/** What bounds a call. */
export interface CallBounds {
  readonly timeout: number;
  readonly bytes: number;
}

/** The reason that a snapshot could not be loaded, for the application: its client is told less. */
export class SnapshotFailure extends Error {
  constructor(
    message: string,
    /** What the client is told. */
    readonly told: PushError,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Calls the method of a run, and makes its result a snapshot.
 *
 * @throws SnapshotFailure
 */
export function callSnapshot(
  run: SnapshotRun,
  since: Position,
  hub: Hub,
  bounds: CallBounds,
): Promise<Snapshot> {
  const { topic, controller, method } = run;
  return new Promise<Snapshot>((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `${method.name}() has not loaded ${topic} within ${bounds.timeout} ms.`;
      reject(new SnapshotFailure(message, refusal(topic, 'was not loaded in time')));
      controller.abort();
    }, bounds.timeout).unref();
    load(run, since, hub, bounds)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

async function load(run: SnapshotRun, since: Position, hub: Hub, { bytes }: CallBounds): Promise<Snapshot> {
  const { topic, method, principal, controller } = run;
  const { signal } = controller;
  let result: unknown;
  try {
    result = await method.call({ topic, params: method.params, principal, signal });
  } catch (thrown) {
    throw failed(run, thrown);
  }
  const isDated = result instanceof DatedSnapshot;
  const { data, position } = isDated ? (result as DatedSnapshot) : { data: result, position: since };
  const json = serialize(run, data, bytes);
  // A state that names an event of a former log has none of this one's in it that it knows of.
  const isExact = isDated && position.epoch === since.epoch;
  const { sequence } = isExact ? position : since;
  if (isExact) await reached(run, position, hub);
  const event = new LogEvent(since.epoch, sequence, { topic, data: json, meta: snapshotMeta });
  return { event, isExact };
}

function serialize({ topic, method }: SnapshotRun, data: unknown, most: number): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    const message = `What ${method.name}() returned for ${topic} cannot be written as JSON.`;
    throw new SnapshotFailure(message, refusal(topic, 'could not be loaded', false), { cause });
  }
  if (json === undefined) {
    const message = `${method.name}() returned ${typeof data} for ${topic}. Return null where there is no state.`;
    throw new SnapshotFailure(message, refusal(topic, 'could not be loaded', false));
  }
  const bytes = json.length * 3 > most ? Buffer.byteLength(json) : 0;
  if (bytes > most) {
    const message = `What ${method.name}() returned for ${topic} has ${bytes} bytes; snapshots.bytes is ${most}.`;
    throw new SnapshotFailure(message, refusal(topic, 'is too large to be sent', false));
  }
  return json;
}

/** Waits until this node has the event that a state is as of. */
function reached({ topic, method, controller }: SnapshotRun, position: Position, hub: Hub): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = hub.whenReached(position, (mismatch) => {
      if (!mismatch) return resolve();
      const message = `snapshotAt() of ${method.name}() names an event after the end of the log, for ${topic}.`;
      reject(new SnapshotFailure(message, refusal(topic, 'could not be loaded')));
    });
    controller.signal.addEventListener('abort', cancel, { once: true });
  });
}

function failed({ topic, method }: SnapshotRun, thrown: unknown): SnapshotFailure {
  const { error, isExpected } = failureOf(thrown);
  const why = isExpected ? `could not be loaded: ${error.message}` : 'could not be loaded';
  const told = refusal(topic, why, isExpected ? error.retryable : true);
  return new SnapshotFailure(`${method.name}() has failed to load ${topic}.`, told, { cause: thrown });
}

/** What a client is told. */
export function refusal(topic: string, why: string, retryable = true): PushError {
  const text = why.replace(/\.$/, '');
  return new PushError('SNAPSHOT_FAILED', `The state of ${topic} ${text}.`, { retryable });
}
