import type { Draft } from '../contracts/event.js';

/** A draft of an event of `topic` that carries `data`. */
export function draft(topic: string, data: unknown, more: Partial<Draft> = {}): Draft {
  return { topic, data: JSON.stringify(data), ...more };
}

/** Numbers from 0 to `count` - 1. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
