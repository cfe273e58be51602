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
  status: number;
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
    const head: ResponseHead = {
      status,
      get: (name) => headers[keysOf(headers, name).at(-1) ?? ''] ?? response.getHeader(name),
      set: (name, value) => {
        const keys = keysOf(headers, name);
        for (const key of keys) delete headers[key];
        headers[keys.at(-1) ?? name] = value;
      },
    };
    amend(head);
    const reason = typeof rest[0] === 'string' ? [rest[0]] : [];
    return response.writeHead(head.status, ...reason, headers);
  };
}

/** All that `writeHead` takes for the header `name`. It sets one after the other, so that the last one counts. */
function keysOf(headers: Record<string, HeaderValue>, name: string): string[] {
  return Object.keys(headers).filter((key) => key.toLowerCase() === name);
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
