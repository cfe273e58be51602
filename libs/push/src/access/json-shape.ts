import { PushError } from '../contracts/errors.js';

/**
 * Checks the shape of parsed JSON from a client, before other code recurses into it.
 *
 * @throws PushError `INVALID_MESSAGE` if it is nested deeper than `maxDepth`, or has a key `__proto__`, which would change
 * the prototype of an object that it is merged into
 */
export function assertHarmless(value: unknown, maxDepth: number): void {
  let level: object[] = isObject(value) ? [value] : [];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth)
      throw new PushError('INVALID_MESSAGE', `Objects and arrays may be nested ${maxDepth} deep.`);
    const next: object[] = [];
    for (const node of level) {
      if (Object.hasOwn(node, '__proto__'))
        throw new PushError('INVALID_MESSAGE', 'A message may not have a key "__proto__".');
      for (const child of Object.values(node) as unknown[]) if (isObject(child)) next.push(child);
    }
    level = next;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
