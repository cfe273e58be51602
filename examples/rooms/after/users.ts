/** The user of a token. In place of a session store, or of `JwtService`. */
export function userOf(token: string | undefined): string | undefined {
  return token?.startsWith('token-of-') ? token.slice('token-of-'.length) : undefined;
}
