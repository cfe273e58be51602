import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { ErrorReporter } from '../bus/error-reporter.js';
import { EventBus } from '../bus/event-bus.js';
import { PushError, type PushErrorCode } from '../contracts/errors.js';
import { Runs } from '../runs/runs.js';
import { DialectStream } from '../transport/sse/dialect-stream.js';
import { chatChunks, type ChatSource } from './chat-source.js';
import { ChatTopics, type ChatRun } from './chat-topics.js';
import { joinChunks } from './chunks.js';
import { continuation } from './continuation.js';
import { chatSettings, type ChatSettings, type WhenBusy } from './push-chat.options.js';
import { continuedUiMessages, uiMessageHeaders, uiMessages } from './ui-message.dialect.js';

/** An answer, for an `@Sse()` route to return. The route answers 204 if there is none. */
export interface ChatStream {
  /** The topic that it is read from; none if there is nothing to read. */
  readonly topics: readonly string[];
  /** The headers of the response, besides those of event streams. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How an answer is started. */
export interface StartChatOptions {
  /** Default: what `PushChatModule.forRoot()` says. */
  readonly whenBusy?: WhenBusy;
}

/** How an answer is read again. */
export interface ResumeChatOptions {
  /** The id of the answer. Default: the one that is being written. */
  readonly run?: string;
  /**
   * The index of the first chunk, for clients that count what they have; a negative one counts from the tail, and gets the whole
   * step that it is in. Default: the whole answer.
   */
  readonly startIndex?: number;
}

/** The answer that a chat has begun last. */
interface Current extends ChatRun {
  /** The id of the state that names it. All of its chunks come after that. */
  readonly id: string;
}

/** How long a chat knows its answer after the end, in milliseconds: for clients that were cut off, and have a part of it. */
const keptFor = 60_000;

/** How often two messages of one chat that come at the same moment may get in each other's way. */
const mostAttempts = 10;
const pause = 20;

/**
 * The answers of chats, for the clients of the AI SDK. Each answer is a run: it is written to its end though all readers leave, and can be
 * read and stopped on every node. What `start` and `resume` return is for an `@Sse()` route to return.
 */
@Injectable()
export class ChatStreams implements OnApplicationShutdown {
  private readonly topics: ChatTopics;
  /** Removes the answers that have ended. */
  private readonly ended = new Set<NodeJS.Timeout>();

  constructor(
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(Runs) private readonly runs: Runs,
    @Inject(ErrorReporter) private readonly errors: ErrorReporter,
    @Inject(chatSettings) private readonly settings: ChatSettings,
  ) {
    this.topics = new ChatTopics(settings.topics);
  }

  /**
   * Begins to write an answer. Another one of the chat is stopped, or else this one is refused: see `whenBusy`.
   *
   * @param chat the id of the chat: one token of a topic
   * @param source writes it; it is not called for an answer that is refused
   * @throws PushError `INVALID_MESSAGE` for an id that cannot be one; `CONFLICT` if the message is refused; `UNAVAILABLE`
   */
  async start(chat: string, source: ChatSource, options: StartChatOptions = {}): Promise<ChatStream> {
    const { whenBusy = this.settings.whenBusy } = options;
    const answer = await this.take(chat, whenBusy);
    const { textOf, joinFor, lease, timeout } = this.settings;
    const begin = (signal: AbortSignal) => chatChunks(source, signal, { textOf, report: this.report });
    // A message that came right after this one may have ended its topic already.
    const run = await this.runs
      .start(answer.topic, begin, { id: answer.run, join: joinChunks, joinFor, lease, timeout })
      .catch(unless('ENDED'));
    run?.done.then(() => this.release(answer)).catch(this.report);
    return streamOf(answer, answer.id);
  }

  /**
   * Reads the answer that is being written from its beginning, or any answer that is still known from an index on. If there is
   * none, the answer of the route is 204.
   *
   * @throws PushError `INVALID_MESSAGE` for an id that cannot be one; `ENDED` if the beginning is not kept any more; `UNAVAILABLE`
   */
  async resume(chat: string, options: ResumeChatOptions = {}): Promise<ChatStream> {
    return (await this.surely(() => this.find(chat, options))) ?? nothing();
  }

  /**
   * Stops the answer that is being written, on whichever node that is. Its readers are told.
   *
   * @returns whether there was one
   * @throws PushError `INVALID_MESSAGE` for an id that cannot be one; `UNAVAILABLE`
   */
  async stop(chat: string): Promise<boolean> {
    const current = await this.surely(() => this.running(chat));
    return current !== undefined && this.runs.cancel(current.topic);
  }

  onApplicationShutdown(): void {
    for (const timer of this.ended) clearTimeout(timer);
  }

  /** Makes a new answer the current one of its chat, and ends the one before. */
  private async take(chat: string, whenBusy: WhenBusy): Promise<Current> {
    const answer = this.topics.run(chat);
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const before = await this.current(chat);
      if (whenBusy === 'refuse' && before && (await this.isRunning(before))) break;
      const id = await this.bus
        .publish(this.topics.current(chat), { run: answer.run }, { expect: before?.id ?? 'none' })
        .catch(unless('CONFLICT'));
      if (id !== undefined) {
        if (before) await this.end(before);
        return { ...answer, id };
      }
      if (whenBusy === 'refuse') break;
      // The message of another node may not have got here yet.
      await delay(pause * attempt);
    }
    throw new PushError(
      'CONFLICT',
      'The chat has an answer that is being written. Stop it, or wait for its end.',
    );
  }

  /** Looks once more when this node has caught up with the log: another one may have begun the answer a moment ago. */
  private async surely<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
    const found = await look();
    if (found !== undefined) return found;
    await this.runs.caughtUp();
    return look();
  }

  /** An answer, as `resume` is asked for it. */
  private async find(
    chat: string,
    { run, startIndex }: ResumeChatOptions,
  ): Promise<DialectStream | undefined> {
    const current = await this.current(chat);
    const answer = run === undefined ? current : this.topics.run(chat, run);
    if (!answer) return undefined;
    const isRunning = () => this.isRunning(answer);
    // A client that has chunks already may need the rest of an answer that has ended meanwhile.
    const isMeant = run !== undefined || (startIndex ?? 0) > 0;
    if (!isMeant && !(await isRunning())) return undefined;
    if (startIndex === undefined && answer.run === current?.run) return streamOf(answer, current.id);
    const found = await continuation(this.bus, answer.topic, startIndex ?? 0, isRunning);
    return found && streamOf(answer, found.from, found);
  }

  private async running(chat: string): Promise<Current | undefined> {
    const current = await this.current(chat);
    return current && (await this.isRunning(current)) ? current : undefined;
  }

  private async current(chat: string): Promise<Current | undefined> {
    const { events } = await this.bus.history(this.topics.current(chat), { limit: 1 });
    const [newest] = events;
    if (!newest) return undefined;
    const { run } = newest.data as { run: string };
    return { ...this.topics.run(chat, run), id: newest.id! };
  }

  private async isRunning({ topic }: ChatRun): Promise<boolean> {
    const status = await this.runs.status(topic);
    return status?.state === 'running';
  }

  /** Ends an answer that is not the current one any more. It may not have begun: then it does not. */
  private async end({ topic }: ChatRun): Promise<void> {
    if ((await this.runs.cancel(topic)) || (await this.runs.status(topic))) return;
    await this.bus.end(topic, { reason: 'cancelled' }).catch(unless('ENDED'));
  }

  /** The answer is over. After a while the chat has none, unless another one has taken its place. */
  private release({ chat, id }: Current): void {
    const remove = () => {
      this.ended.delete(timer);
      this.bus
        .remove(this.topics.current(chat), { expect: id })
        .catch(unless('CONFLICT', 'CLOSED'))
        .catch(this.report);
    };
    const timer = setTimeout(remove, keptFor).unref();
    this.ended.add(timer);
  }

  private readonly report = (error: unknown): void => this.errors.report(error, { stage: 'run' });
}

function streamOf(
  { chat, run, topic }: ChatRun,
  from: string,
  counted?: { readonly tailIndex?: number },
): DialectStream {
  const headers = {
    ...uiMessageHeaders,
    'x-workflow-run-id': `${chat}.${run}`,
    ...(counted?.tailIndex !== undefined && { 'x-workflow-stream-tail-index': String(counted.tailIndex) }),
  };
  return new DialectStream([topic], counted ? continuedUiMessages : uiMessages, { from, headers });
}

/** What a route answers with 204. */
function nothing(): DialectStream {
  return new DialectStream([], uiMessages);
}

/** Takes an error with one of these codes for no result. */
function unless(...codes: PushErrorCode[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof PushError && codes.includes(error.code)) return undefined;
    throw error;
  };
}
