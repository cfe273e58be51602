import type { DisconnectReason } from '../contracts/connection.js';
import type { Cursor } from '../hub/replay/cursor.js';
import { retire } from '../platform/retire-session.js';
import type { Dialect } from '../wire/dialect.js';
import type { Outlet } from './outlet.js';

/** After how many milliseconds a client comes back: soon, but not at the same moment as the others of its turn. */
const comeBack = { least: 100, most: 500 };

/** A client, as far as it is sent on. */
interface Traveller {
  readonly outlet: Outlet;
  readonly isBusy: boolean;
  readonly isOver: boolean;
  drain(delay: number, reason: DisconnectReason): void;
}

/**
 * Tells a client that has reached its age to come back, to whichever node, if it loses nothing by that and gets nothing twice. It
 * stays while one of its messages is handled, while it catches up, and while it is sent state or waits for a snapshot.
 *
 * @param cursor where it reads; `undefined` if the application's own pipe feeds it
 * @returns whether its connection has ended
 */
export function sendOn(
  client: Traveller,
  cursor: Cursor | undefined,
  { reconnects = true }: Dialect,
): boolean {
  const { outlet, isBusy, isOver } = client;
  const hasAll = !cursor || cursor.isIdle || (cursor.isLive && cursor.position !== undefined);
  if (!reconnects || !hasAll || isOver || isBusy || outlet.isFull) return false;
  client.drain(Math.round(comeBack.least + Math.random() * (comeBack.most - comeBack.least)), 'age');
  if (outlet.http2) retire(outlet.http2);
  return true;
}
