import type { StreamInfo } from '@nats-io/jetstream';
import { randomBytes } from 'node:crypto';

/*
 * Which log a stream holds. Its creation time names the first one. A server that loses acknowledged messages (a backup
 * was restored, a disk was behind) gives their numbers again: what the stream holds from then on is another log, and a
 * statement says so. It is made by a mark in the stream, which every reader meets in its place among the events, and is
 * repeated by all later marks; the stream's description keeps it when the marks have left.
 */

/** One log in a stream. */
export interface Statement {
  readonly epoch: string;
  /** The sequence behind which the epoch began. */
  readonly start: number;
}

const description = /^nestjs-push: epoch (\w+) began at (\d+)$/;
const mark = /^(\w+)(?: (\d+))?$/;

/** What a stream says of itself without its marks. */
export function statementOf({ created, config }: StreamInfo): Statement {
  const born = BigInt(created.replace(/\D/g, '')).toString(36);
  const [, epoch, start] = description.exec(config.description ?? '') ?? [];
  return { epoch: epoch ?? born, start: Number(start ?? 0) };
}

/** What a mark states; nothing while a stream holds its first log. */
export function statementOfMark(body: string, sequence: number): Statement | undefined {
  const [, epoch, start] = mark.exec(body) ?? [];
  return epoch === undefined ? undefined : { epoch, start: Number(start ?? sequence) };
}

/** What the epochs of one stream have in common: another stream of the same name has it not. */
export function streamOf(epoch: string): string {
  return epoch.split('_', 1)[0]!;
}

/** The name of another epoch in the same stream. A mark that begins it has that as its body. */
export function anotherEpoch(epoch: string): string {
  return `${streamOf(epoch)}_${randomBytes(4).toString('hex')}`;
}

/** The body of a mark that repeats what holds. */
export function repetitionOf({ epoch, start }: Statement): string {
  return start === 0 ? '' : `${epoch} ${start}`;
}

/** The description of a stream in which an epoch began. */
export function descriptionOf({ epoch, start }: Statement): string {
  return `nestjs-push: epoch ${epoch} began at ${start}`;
}
