import { createHash } from 'node:crypto';

const digestLength = 6;
const maxDigests = 100;
const grammar = new RegExp(`^(?:[A-Za-z0-9_-]{${digestLength}}){0,${maxDigests}}$`);

/** 36 bits of a path's SHA-256: enough for the resources of one site. A collision only costs one push. */
export function digestOf(path: string): string {
  return createHash('sha256').update(path).digest('base64url').slice(0, digestLength);
}

/** The digests in a `Cookie` header; none if there is no such cookie, or it is not valid. */
export function readDigests(cookieHeader: string | undefined, name: string): string[] {
  for (const pair of cookieHeader?.split(';') ?? []) {
    const separator = pair.indexOf('=');
    if (pair.slice(0, separator).trim() !== name) continue;
    const value = pair.slice(separator + 1).trim();
    if (grammar.test(value)) return value.match(new RegExp(`.{${digestLength}}`, 'g')) ?? [];
  }
  return [];
}

/** The `Set-Cookie` value that adds digests to those the client has; beyond 100 the oldest are dropped. */
export function printDigests(
  name: string,
  known: readonly string[],
  added: readonly string[],
  isSecure: boolean,
): string {
  const digests = [...new Set([...known, ...added])].slice(-maxDigests);
  return `${name}=${digests.join('')}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
}
