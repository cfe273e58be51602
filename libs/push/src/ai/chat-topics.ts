import { randomUUID } from 'node:crypto';
import { PushError } from '../contracts/errors.js';
import { isToken } from '../contracts/topic.js';
import type { AccessRule } from '../access/access-rules.js';
import type { TopicRule } from '../hub/topic-rules.js';

/** As in `PushModule.forRoot({ topics })`. */
type TopicOptions = TopicRule & AccessRule;

/** What holds for the topics of chats besides what chats need. */
export type ChatTopicOptions = Pick<TopicOptions, 'access' | 'retention' | 'ttl'>;

/** The most chunks of an answer that are kept. Deltas are joined, so that ten minutes of text have fewer. */
const mostChunks = 20_000;
const day = 86_400_000;

/**
 * The rules that chats need, for `PushModule.forRoot({ topics: [...chatTopics('chats')] })`: `chats.<chat>` is a state topic that
 * names the answer that was begun last, and `chats.<chat>.<run>` has the chunks of one answer, and ends.
 *
 * @param prefix the first tokens of the topics, as in `PushChatModule.forRoot({ topics: 'chats' })`
 * @param options `access` opens them to our own clients. Default: only the routes of the application read them. `retention` of
 * chunks: 20,000 for as long as the module says by default. `ttl` of the state and of ends: a day by default
 */
export function chatTopics(prefix = 'chats', options: ChatTopicOptions = {}): TopicOptions[] {
  const { ttl = day, access, retention } = options;
  return [
    { pattern: `${prefix}.*`, state: true, ttl, access },
    {
      pattern: `${prefix}.*.*`,
      finite: true,
      ttl,
      access,
      retention: { events: mostChunks, ...retention },
    },
  ];
}

/** An answer: a run of a chat. */
export interface ChatRun {
  readonly chat: string;
  readonly run: string;
  /** The topic of its chunks. */
  readonly topic: string;
}

/** Names the topics of chats. */
export class ChatTopics {
  constructor(private readonly prefix: string) {}

  /** The topic that names the current answer of a chat. @throws PushError `INVALID_MESSAGE` */
  current(chat: string): string {
    assertChat(chat);
    return `${this.prefix}.${chat}`;
  }

  /** An answer of a chat. @param run its id; default: a new one @throws PushError `INVALID_MESSAGE` */
  run(chat: string, run: string = randomUUID()): ChatRun {
    if (!isToken(run))
      throw new PushError('INVALID_MESSAGE', 'The id of the answer is none that was given out.');
    return { chat, run, topic: `${this.current(chat)}.${run}` };
  }
}

/** A chat is a token of topics and a part of paths and headers. The point separates it from its run. */
function assertChat(chat: unknown): asserts chat is string {
  if (isToken(chat) && chat.length <= 128 && !/[/\\?#%]|^[$:]/.test(chat)) return;
  const rule =
    'up to 128 visible ASCII characters without any of . * > / \\ ? # % and no $ or : at the beginning';
  throw new PushError('INVALID_MESSAGE', `The id of a chat has ${rule}.`);
}
