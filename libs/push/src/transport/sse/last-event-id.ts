import { raw, type RawRequest } from '../../platform/raw-response.js';

/**
 * The id that a client resumes from: the `Last-Event-ID` header (HTML standard, 9.2.3), or `lastEventId` in the query
 * for clients that cannot set a header. The header wins, since `EventSource` keeps the query of its first request. If
 * there are several, the last one counts: the client appends its own to one that was set earlier. An empty one counts as none.
 */
export function lastEventId(wrapped: RawRequest): string | undefined {
  const request = raw(wrapped);
  // Node joins fields of the same name with commas (RFC 9110, section 5.3), which no id has.
  const header = request.headers['last-event-id'] as string | undefined;
  return lastOf(header?.split(',')) ?? lastOf(queried(request.url));
}

function queried(url = ''): string[] | undefined {
  const query = url.split('?')[1];
  return query?.includes('lastEventId=') ? new URLSearchParams(query).getAll('lastEventId') : undefined;
}

function lastOf(values: readonly string[] | undefined): string | undefined {
  return values?.map((value) => value.trim()).findLast((value) => value !== '');
}
