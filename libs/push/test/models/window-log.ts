import { LogEvent } from '../../src/contracts/event.js';
import { TopicSet } from '../../src/hub/topics/topic-set.js';
import type { WindowOptions } from '../../src/hub/window/window-options.js';
import { Window } from '../../src/hub/window/window.js';

export const forEver = { events: Infinity, age: Infinity };

/** Everything at once. */
export const unlimited = { bytes: Infinity, entries: Infinity };

/** A window that is filled in log order. */
export class Log {
  time = 0;
  sequence = 0;
  readonly window: Window;

  constructor(options: Partial<WindowOptions> = {}) {
    this.window = new Window({
      retentionOf: () => forEver,
      bytes: Infinity,
      emptyTopics: 100,
      now: () => this.time,
      ...options,
    });
  }

  add(topic: string, data = '1'): LogEvent {
    const event = new LogEvent('log', ++this.sequence, { topic, data });
    this.window.add(event);
    return event;
  }

  /** The sequences of what is retained. */
  read(...patterns: string[]): number[] {
    return this.window
      .read(new TopicSet(patterns), 0, Infinity, unlimited)
      .events.map(({ sequence }) => sequence);
  }
}
