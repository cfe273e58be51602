import { problemOfStart } from '../../contracts/start.js';
import { maxTopicLength } from '../../contracts/topic.js';
import { assertNothingWrong } from '../../clients/message-fields.js';

/** More topics in one URL than servers and proxies would let through. */
const maxTopicsPerRequest = 256;

const maxFromLength = 64;

/** The query of `GET <path>/events`. See PROTOCOL.md, "SSE". */
export interface EventsQuery {
  readonly topics: readonly string[];
  /** Where a client begins that brings no last event id: `now` (default), `last`, `last:n`, `earliest`, `start`, or an id. */
  readonly from?: string;
}

/**
 * Reads the query from the URL itself, because the result of the application's query parser depends on its settings. Ignores
 * parameters that push does not define.
 *
 * @throws PushError `INVALID_MESSAGE`, which names each invalid parameter
 */
export function readEventsQuery(url: string | undefined): EventsQuery {
  const query = new URLSearchParams(queryOf(url));
  const topics = query.getAll('topic');
  // An empty parameter counts as missing.
  const starts = query.getAll('from').filter((from) => from !== '');
  const wrong: string[] = [];
  if (topics.length === 0) wrong.push('topic is missing: add ?topic=…, once for each topic');
  if (topics.length > maxTopicsPerRequest)
    wrong.push(`topic may be there ${maxTopicsPerRequest} times at most`);
  if (topics.some((topic) => topic.length > maxTopicLength))
    wrong.push(`topic may have ${maxTopicLength} characters at most`);
  if (starts.length > 1) wrong.push('from may be there once');
  if (starts.some((from) => from.length > maxFromLength))
    wrong.push(`from may have ${maxFromLength} characters at most`);
  else if (starts[0]) {
    const problem = problemOfStart(starts[0]);
    if (problem !== undefined) wrong.push(`from ${problem}`);
  }
  // The stream resumes from this id. With two of them the start would be ambiguous.
  if (query.getAll('lastEventId').length > 1) wrong.push('lastEventId may be there once');
  assertNothingWrong(wrong);
  return { topics, from: starts[0] };
}

function queryOf(url = ''): string {
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start + 1);
}
