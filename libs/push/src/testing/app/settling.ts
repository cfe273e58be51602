import { setImmediate as turn } from 'node:timers/promises';
import type { EventBus } from '../../bus/event-bus.js';
import type { Backplane } from '../../contracts/backplane.js';
import type { PushHandlers } from '../../handlers/push-handlers.js';
import type { Hub } from '../../hub/hub.js';
import { PushTestingError } from './changes.js';

/** What may still be at work. */
export interface WorkingParts {
  readonly backplane: Backplane;
  readonly hub: Hub;
  readonly bus: EventBus;
  readonly handlers: PushHandlers;
}

/**
 * Resolves when this node has read everything that is stored, its clients were written to, and handlers have run: also for what
 * those have published.
 *
 * @param patience how long that may take, in milliseconds
 * @throws PushTestingError (the promise rejects) when the time is over; it says what still works
 */
export async function settle(parts: WorkingParts, patience: number): Promise<void> {
  const { hub } = parts;
  const late = new PushTestingError();
  const end = performance.now() + patience;
  for (let before: string | undefined; before === undefined || before !== hub.position;) {
    await reached(parts);
    before = hub.position;
    for (let work = workOf(parts); work.length > 0; work = workOf(parts)) {
      late.message = `After ${patience} ms, ${work.join(', and ')}.`;
      if (performance.now() > end) throw late;
      await turn();
    }
  }
}

/** The node has read what the server has stored. A server that cannot be asked is not waited for. */
async function reached({ backplane, hub }: WorkingParts): Promise<void> {
  const head = await backplane.head?.().catch(() => undefined);
  if (head) await new Promise<void>((resolve) => void hub.whenReached(head, () => resolve()));
}

/** What still works, in words. */
function workOf({ hub, bus, handlers }: WorkingParts): string[] {
  if (!hub.isOpen) return ['the log is not there yet'];
  const work: string[] = [];
  const { delivery, lagging } = hub.stats();
  if (!hub.isSettled)
    work.push(`${delivery.events} events are not delivered, and ${lagging} clients have not got everything`);
  if (!handlers.isSettled) work.push('methods with @OnPush() are still at work');
  if (!bus.isSettled) work.push('observers of bus.on() are still at work');
  return work;
}
