import type { OutgoingHttpHeaders } from 'node:http';

export type HeaderValue = OutgoingHttpHeaders[string];

/** What `node:http` and `node:http2` responses share, as far as their head is concerned. */
export interface WithHead {
  readonly headersSent: boolean;
  getHeader(name: string): HeaderValue;
  setHeader(name: string, value: number | string | string[]): unknown;
  writeHead(status: number, ...rest: unknown[]): unknown;
}

/** The head of a response on its last moment before it is sent. */
export interface ResponseHead {
  readonly status: number;
  /** @param name in lower case */
  get(name: string): HeaderValue;
  /** Replaces the header, wherever it was set. @param name in lower case */
  set(name: string, value: string | string[]): void;
}

/**
 * Runs `amend` when the application sends the head of this response, whichever way it does: what it set until then is
 * known only then. At most once.
 */
export function beforeHead(response: WithHead, amend: (head: ResponseHead) => void): void {
  const writeHead = response.writeHead;
  response.writeHead = (status, ...rest) => {
    response.writeHead = writeHead;
    const last = rest.at(-1);
    const headers = typeof last === 'object' && last !== null ? toRecord(last) : {};
    amend({
      status,
      get: (name) => headers[keyOf(headers, name)] ?? response.getHeader(name),
      set: (name, value) => (headers[keyOf(headers, name)] = value),
    });
    const reason = typeof rest[0] === 'string' ? [rest[0]] : [];
    return response.writeHead(status, ...reason, headers);
  };
}

function keyOf(headers: Record<string, HeaderValue>, name: string): string {
  return Object.keys(headers).find((key) => key.toLowerCase() === name) ?? name;
}

/** `writeHead` also takes a flat list of names and values, or a list of pairs, in which a name may come twice. */
function toRecord(headers: object): Record<string, HeaderValue> {
  if (!Array.isArray(headers)) return { ...headers };
  const list: HeaderValue[] = Array.isArray(headers[0]) ? headers.flat() : headers;
  const record: Record<string, HeaderValue> = {};
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = String(list[i]).toLowerCase();
    record[name] = name in record ? [record[name], list[i + 1]].flat().map(String) : list[i + 1];
  }
  return record;
}
