import { constant, constantFrom, nat, oneof, record, type Arbitrary } from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import type { Connection, GapNotice } from '../../src/contracts/connection.js';
import type { Batch, LogEvent } from '../../src/contracts/event.js';
import type { Cursor } from '../../src/hub/replay/cursor.js';
import type { NodeLog } from '../../src/hub/replay/node-log.js';

/**
 * A client that does what an EventSource does: it keeps the last id that it saw, and comes back with it. It may be slow, and it may
 * be cut off at any moment.
 */
export abstract class ResumingClient implements Connection {
  readonly id = 'client';
  protected lastId: string | undefined;
  protected cursor: Cursor | undefined;
  /** How many writes it takes before it is full. */
  private room = Infinity;

  abstract gap(notice: GapNotice): boolean;
  abstract fail(error: Error): void;

  fill(room: number): void {
    this.room = Math.min(this.room, room);
  }

  drain(room: number): void {
    this.room = room;
    this.cursor?.drained();
  }

  /** The line is cut. */
  drop(): void {
    this.leave();
    this.connect();
  }

  leave(): void {
    this.cursor?.leave();
  }

  heartbeat(): void {
    if (this.room > 0) this.lastId = this.cursor?.position ?? this.lastId;
  }

  write({ events }: Batch): boolean {
    for (const event of events) this.take(event);
    return this.wrote();
  }

  /** Something was written to it. Returns whether it has room for more. */
  protected wrote(): boolean {
    return --this.room > 0;
  }

  /** A connection is new, and has room. */
  protected connect(): void {
    this.room = Infinity;
  }

  /** An event has come. */
  protected abstract take(event: LogEvent): void;
}

type On<Name extends string> = { readonly do: Name; readonly client: number };

/** What happens between a node and one of its clients. */
export type LineStep = (On<'fill' | 'drain'> & { readonly room: number }) | On<'drop'> | On<'heartbeat'>;

/** @param drops how often a line is cut: filling and draining have 4 */
export function lineSteps(clients: number, drops: number): Arbitrary<LineStep> {
  const client = nat(clients - 1);
  const rooms = constantFrom(1, 2, Infinity);
  return oneof(
    { weight: 4, arbitrary: record({ do: constant('fill' as const), client, room: nat(2) }) },
    { weight: 4, arbitrary: record({ do: constant('drain' as const), client, room: rooms }) },
    { weight: drops, arbitrary: record({ do: constant('drop' as const), client }) },
    { weight: 2, arbitrary: record({ do: constant('heartbeat' as const), client }) },
  );
}

export function onLine(clients: readonly ResumingClient[], step: LineStep): void {
  const client = clients[step.client % clients.length]!;
  if (step.do === 'fill') client.fill(step.room);
  else if (step.do === 'drain') client.drain(step.room);
  else client[step.do]();
}

/** Resolves once everything that was published has been written to those who have room for it. */
export async function delivered({ fanOut, window }: NodeLog): Promise<void> {
  do await turn();
  while (fanOut.delivered < window.head);
}
