import type { CheckedResource } from './resource.js';

// One link-value of RFC 8288: the target, then parameters in which a comma counts only outside of quotes.
const linkValue = /<([^<>]*)>([^,"]*(?:"[^"]*"[^,"]*)*)/g;
// Its first "rel" is the one that counts, and not one that stands in another parameter's quotes.
const preloads =
  /^(?:[^";]|"[^"]*"|;(?!\s*rel\s*=))*;\s*rel\s*=\s*(?:"[^"]*\b(?:module)?preload\b|(?:module)?preload\b)/i;

/**
 * The `Link` header of a response: what the application set itself, as it is and first, then every resource that is
 * not preloaded by it already.
 *
 * @returns `undefined` if there is nothing to add
 */
export function mergeLinks(
  given: string | readonly string[] | undefined,
  resources: readonly CheckedResource[],
): string | undefined {
  const own = typeof given === 'string' ? given : (given ?? []).join(', ');
  const preloaded = new Set<string>();
  for (const [, target, parameters] of own.matchAll(linkValue))
    if (preloads.test(parameters!)) preloaded.add(target!);
  const added = resources.filter(({ path }) => !preloaded.has(path)).map(({ link }) => link);
  if (added.length === 0) return undefined;
  return own.trim() === '' ? added.join(', ') : `${own}, ${added.join(', ')}`;
}
