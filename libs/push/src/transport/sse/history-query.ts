import { limitOf } from '../../bus/topic-page.js';
import { assertNothingWrong } from '../../clients/message-fields.js';
import { assertTopic } from '../../contracts/topic.js';
import type { OlderPage } from '../../hub/replay/older-events.js';
import { eventText } from '../../wire/websocket.codec.js';

const maxBeforeLength = 64;

/** What `GET <path>/history` is asked for: see PROTOCOL.md, "History". */
export interface HistoryQuery {
  readonly topic: string;
  readonly before: string | undefined;
  readonly limit: number;
}

/**
 * Reads the query from the URL itself, as that of a stream is read.
 *
 * @throws PushError `INVALID_MESSAGE`, which names each parameter that is wrong; `INVALID_TOPIC`, also for a wildcard
 */
export function readHistoryQuery(url: string): HistoryQuery {
  const start = url.indexOf('?');
  const query = new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
  const topics = query.getAll('topic');
  // An empty parameter is the same as none.
  const [befores, limits] = ['before', 'limit'].map((name) =>
    query.getAll(name).filter((value) => value !== ''),
  ) as [string[], string[]];
  const limit =
    limits[0] === undefined ? limitOf() : limitOf(/^\d+$/.test(limits[0]) ? Number(limits[0]) : 0);
  const wrong: string[] = [];
  if (topics.length !== 1) wrong.push('topic has to be there once: add ?topic=…');
  if (befores.length > 1) wrong.push('before may be there once');
  if (befores.some((before) => before.length > maxBeforeLength))
    wrong.push(`before may have ${maxBeforeLength} characters at most`);
  if (limits.length > 1) wrong.push('limit may be there once');
  if (limit === undefined) wrong.push('limit has to be a whole number from 1 to 1000');
  assertNothingWrong(wrong);
  assertTopic(topics[0]!);
  return { topic: topics[0]!, before: befores[0], limit: limit! };
}

/** The answer, as JSON. The events' data is as it is stored. */
export function historyText({ events, before, gap }: OlderPage): string {
  const list = events.map((event) => eventText(event)).join(',');
  const more = before === undefined ? '' : `,"before":"${before}"`;
  const lost = gap === undefined ? '' : `,"gap":"${gap}"`;
  return `{"events":[${list}]${more}${lost}}`;
}
