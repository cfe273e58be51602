import { limitOf } from '../../bus/topic-page.js';
import { assertNothingWrong } from '../../clients/message-fields.js';
import { assertTopic } from '../../contracts/topic.js';
import { answerCost, type OlderPage } from '../../hub/replay/older-events.js';
import type { Steps } from '../../hub/replay/stepped-work.js';
import { eventText } from '../../wire/websocket.codec.js';

const maxBeforeLength = 64;

/** After so many characters the text so far is put aside, in one piece. */
const pieceLength = 16 * 1024;

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

/** Makes the answer, as JSON, event by event. The events' data is as it is stored. */
export function* historyAnswer({ events, before, gap }: OlderPage): Steps<Buffer> {
  const pieces: string[] = [];
  let bytes = 0;
  let text = '{"events":[';
  let comma = '';
  for (const event of events) {
    text += comma + eventText(event);
    comma = ',';
    if (text.length >= pieceLength) {
      bytes += Buffer.byteLength(text);
      pieces.push(text);
      text = '';
    }
    yield answerCost(event);
  }
  const more = before === undefined ? '' : `,"before":"${before}"`;
  const lost = gap === undefined ? '' : `,"gap":"${gap}"`;
  const end = `${text}]${more}${lost}}`;
  // One buffer: pages are the largest garbage that clients can make.
  const json = Buffer.allocUnsafeSlow(bytes + Buffer.byteLength(end));
  let at = 0;
  for (const piece of [...pieces, end]) at += json.write(piece, at);
  return json;
}
