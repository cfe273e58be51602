/**
 * Tokens that have less time left are not renewed early, in milliseconds. If the clock of the page is ahead, every token seems to
 * have little time left, and the stream would be replaced all the time.
 */
const shortest = 20_000;

/**
 * When a token expires, in milliseconds since 1970; `undefined` if it is no JWT with an `exp`. A plain event stream does not say
 * when the server will end it.
 */
export function expiryOf(token: string | undefined): number | undefined {
  try {
    const claims = token!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/');
    const expiresAt = (JSON.parse(atob(claims)) as { readonly exp: number }).exp * 1_000;
    return expiresAt - Date.now() > shortest ? expiresAt : undefined;
  } catch {
    return undefined;
  }
}
