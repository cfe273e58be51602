import type { StreamInfo } from '@nats-io/jetstream';
import { randomBytes } from 'node:crypto';

/*
 * Which epoch of the log a stream holds. The first epoch is named by the time at which the stream was created. A server
 * that loses acknowledged messages (because a backup was restored, or because they were not on disk) uses their sequences
 * again. What the stream holds after that is another epoch. A mark says so: a message in the stream, which every reader
 * meets in its place among the events. All later marks repeat it. The description of the stream has it too, for when the
 * marks have left the stream.
 */

/** One epoch of the log in a stream. */
export interface StreamEpoch {
  readonly epoch: string;
  /** The sequence after which the epoch began. */
  readonly start: number;
}

const description = /^nestjs-push: epoch (\w+) began at (\d+)$/;
const mark = /^(\w+)(?: (\d+))?$/;

/**
 * Whether the server has finished creating the stream. A server that is asked meanwhile (2.9.10), by another node that starts at
 * the same time, does not know when the stream was created, and says that it was in the year 1.
 */
export function isCreated({ created }: StreamInfo): boolean {
  return !created.startsWith('0001-');
}

/** The epoch as the stream's description has it. The stream MUST be created. */
export function epochOf({ created, config }: StreamInfo): StreamEpoch {
  const born = BigInt(created.replace(/\D/g, '')).toString(36);
  const [, epoch, start] = description.exec(config.description ?? '') ?? [];
  return { epoch: epoch ?? born, start: Number(start ?? 0) };
}

/** The epoch as a mark has it; `undefined` while the stream holds its first epoch. */
export function epochOfMark(body: string, sequence: number): StreamEpoch | undefined {
  const [, epoch, start] = mark.exec(body) ?? [];
  return epoch === undefined ? undefined : { epoch, start: Number(start ?? sequence) };
}

/** What the epochs of one stream begin with. Another stream of the same name has another one. */
export function streamOf(epoch: string): string {
  return epoch.split('_', 1)[0]!;
}

/** A name for the next epoch in the same stream. It is the body of the mark that begins the epoch. */
export function nextEpoch(epoch: string): string {
  return `${streamOf(epoch)}_${randomBytes(4).toString('hex')}`;
}

/** The body of a mark that repeats the current epoch. */
export function repetitionOf({ epoch, start }: StreamEpoch): string {
  return start === 0 ? '' : `${epoch} ${start}`;
}

/** The description of a stream in which an epoch began. */
export function descriptionOf({ epoch, start }: StreamEpoch): string {
  return `nestjs-push: epoch ${epoch} began at ${start}`;
}
