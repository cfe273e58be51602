/** A request of the page that was refused, or did not arrive. */
export class ApiError extends Error {
  /** @param status 0 if the server was not reached */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  get isLoginOver() {
    return this.status === 401 || this.status === 403;
  }
}

/** How long a request may take, in milliseconds. */
const deadline = 15_000;

/** Posts JSON to a route of the dashboard. Resolves with the answer; rejects with an {@link ApiError}. */
export async function post(route, body) {
  const response = await sent(route, body);
  const answer = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  throw new ApiError(response.status, codeOf(answer), messageOf(answer, response));
}

async function sent(route, body) {
  try {
    return await fetch(new URL(route, import.meta.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(deadline),
    });
  } catch {
    throw new ApiError(0, 'UNREACHABLE', 'The server was not reached. Try again when the page is live.');
  }
}

const codeOf = (answer) => (typeof answer?.code === 'string' ? answer.code : '');

function messageOf(answer, { status }) {
  const message = Array.isArray(answer?.message) ? answer.message.join('; ') : answer?.message;
  const details = Array.isArray(answer?.details) ? ` ${answer.details.join('; ')}` : '';
  return typeof message === 'string' ? message + details : `The server answered ${status}.`;
}
