import { connect } from 'nestjs-push-client';
import type { Topics } from '../server/topics.js';

/* What the three pages share, and has nothing to do with their framework: who the user is, and the connection. */

declare module 'nestjs-push-client' {
  interface PushTopics extends Topics {}
}

const query = new URLSearchParams(location.search);

/** In place of a form to log in: `?user=ann`. */
export const user = query.get('user') ?? 'guest';
/** The name of the board: `?board=plans`. */
export const board = query.get('board') ?? 'demo';

/** A new token. The client asks for it whenever it connects, and before the one that it has expires. */
export async function token(): Promise<string> {
  const answer = await fetch('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: user }),
  });
  if (!answer.ok) throw new Error(`The login was answered ${answer.status}.`);
  return ((await answer.json()) as { token: string }).token;
}

/** Asks a route of the application. @returns why it failed; `undefined` if it did not */
export async function request(method: 'POST' | 'DELETE', path: string): Promise<string | undefined> {
  try {
    const headers = { authorization: `Bearer ${await token()}` };
    const answer = await fetch(`/boards/${board}/${path}`, { method, headers });
    return answer.ok ? undefined : `The server has answered ${answer.status}.`;
  } catch {
    return 'The server is away. Try again when it is back.';
  }
}

/** One connection for all tabs of the user in this browser. */
export const push = connect('/push', { token, tabs: user, maxRetryDelay: 5_000 });
