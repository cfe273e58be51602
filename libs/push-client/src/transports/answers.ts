import { PushError } from '../push-error.js';
import type { End } from './transport.js';

/** The body of a response that is not a stream. */
export interface AnswerBody {
  readonly id?: string;
  readonly code?: string;
  readonly message?: unknown;
  readonly details?: readonly string[];
}

/** The JSON of a response; `undefined` if the body is not JSON. Rejects if the response is incomplete. */
export async function bodyOf(response: Response): Promise<AnswerBody | undefined> {
  const text = await response.text();
  try {
    return (JSON.parse(text) as AnswerBody | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The codes for statuses of guards and proxies, which do not know this protocol. */
const codes: Readonly<Record<number, string>> = {
  400: 'INVALID_MESSAGE',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  413: 'DATA_TOO_LARGE',
  429: 'LIMIT_EXCEEDED',
};

/** Why the request was refused, from the body if push answered, otherwise from the status. */
export function refusalOf({ status, statusText }: Response, answer: AnswerBody = {}) {
  const { code = codes[status] ?? `HTTP_${status}`, message, details } = answer;
  const retryable = status >= 500 || [404, 408, 425, 429].includes(status);
  // HTTP/2 has no status text.
  const text = String(message ?? '') || statusText || `HTTP ${status}`;
  return { code, message: text, retryable, details };
}

/** How a stream has ended that did not begin. */
export function endOf(response: Response, answer: AnswerBody | undefined): End {
  const { code, message, retryable } = refusalOf(response, answer);
  const error = new PushError(code, message, retryable);
  if (response.status === 401) return { advice: 'authenticate', error };
  if (!retryable) return { advice: 'stop', error };
  // Seconds or a date. Without the header it is no number.
  const after = response.headers.get('retry-after') ?? '';
  const delay = Number(after) * 1000 || Date.parse(after) - Date.now();
  return { advice: 'retry', later: true, delay: delay > 0 ? delay : undefined, error };
}
