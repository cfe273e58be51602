import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { PushError, type PushErrorCode } from '../../contracts/errors.js';

/** Sends a request over a connection of its own. Resolves with the answer, whose body is yet to come. */
export function request(url: string, options: RequestOptions, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    // The certificate of a test is nobody's.
    const outgoing = send(
      url,
      { agent: false, rejectUnauthorized: false, ...options } as RequestOptions,
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** The whole body of an answer. */
export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk as string;
  return text;
}

/** What an answer says that is no success. */
interface Refusal {
  readonly code?: PushErrorCode;
  readonly message?: string;
  readonly details?: readonly string[];
}

const codes: Readonly<Record<number, PushErrorCode>> = {
  204: 'ENDED',
  400: 'INVALID_MESSAGE',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  429: 'LIMIT_EXCEEDED',
  503: 'UNAVAILABLE',
};

/** The error that an answer stands for: push's own, or what a guard of the application says. */
export async function refusalOf(response: IncomingMessage): Promise<PushError> {
  const status = response.statusCode!;
  const text = await textOf(response);
  const { code = codes[status] ?? 'INTERNAL', message, details } = read(text);
  return new PushError(code, message ?? `The server has answered ${status}: ${text.slice(0, 200)}`, {
    details,
  });
}

function read(text: string): Refusal {
  try {
    return (JSON.parse(text) ?? {}) as Refusal;
  } catch {
    return {};
  }
}
