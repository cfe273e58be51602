import {
  DefaultChatTransport,
  readUIMessageStream,
  type ChatTransport,
  type UIMessage,
  type UIMessageChunk,
} from 'ai';
import { afterTest } from './cleanup.js';
import { Watched } from './watched.js';

/** A message of the user. */
export function asked(text: string): UIMessage {
  return { id: `user-${text}`, role: 'user', parts: [{ type: 'text', text }] };
}

/** Reads a stream of a transport to its end, and keeps its chunks. */
export class ChatReader extends Watched {
  readonly chunks: UIMessageChunk[] = [];
  isEnded = false;
  error: unknown;
  private readonly reader: ReadableStreamDefaultReader<UIMessageChunk>;

  /** @param leaving ends its request: a stream that is waiting does not hear that it was cancelled */
  constructor(
    stream: ReadableStream<UIMessageChunk>,
    private readonly leaving?: AbortController,
  ) {
    super();
    this.reader = stream.getReader();
    void this.read();
  }

  get text(): string {
    return this.chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.delta : '')).join('');
  }

  get types(): string[] {
    return this.chunks.map(({ type }) => type);
  }

  /** The message that the client shows, as JSON, its own id left out. */
  async message(): Promise<string> {
    await this.untilEnd();
    const { chunks } = this;
    let last: UIMessage | undefined;
    const stream = new ReadableStream<UIMessageChunk>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    for await (const message of readUIMessageStream({ stream })) last = message;
    return JSON.stringify({ ...last, id: undefined });
  }

  untilText(text: string): Promise<void> {
    return this.until(() => {
      if (!this.text.startsWith(text) && this.isEnded) throw new Error(`It has ended with ${this.text}.`);
      return this.text.startsWith(text);
    });
  }

  untilEnd(): Promise<void> {
    return this.until(() => this.isEnded);
  }

  async leave(): Promise<void> {
    this.leaving?.abort();
    await this.reader.cancel().catch(() => undefined);
  }

  private async read(): Promise<void> {
    try {
      for (let next = await this.reader.read(); !next.done; next = await this.reader.read()) {
        this.chunks.push(next.value);
        this.changed();
      }
    } catch (error) {
      this.error = error;
    }
    this.isEnded = true;
    this.changed();
  }
}

/** A client of a chat, by a transport of the AI SDK. */
export class ChatClient {
  constructor(
    readonly chatId: string,
    readonly transport: ChatTransport<UIMessage>,
  ) {}

  static at(url: string, chatId = 'one', headers: Record<string, string> = {}): ChatClient {
    return new ChatClient(chatId, new DefaultChatTransport({ api: url, headers }));
  }

  async send(text: string): Promise<ChatReader> {
    const leaving = new AbortController();
    const stream = await this.transport.sendMessages({
      trigger: 'submit-message',
      chatId: this.chatId,
      messageId: undefined,
      messages: [asked(text)],
      abortSignal: leaving.signal,
    });
    return reading(stream, leaving);
  }

  /** `null` if there is nothing to resume. */
  async resume(): Promise<ChatReader | null> {
    const leaving = new AbortController();
    const options = { chatId: this.chatId, abortSignal: leaving.signal };
    const stream = await this.transport.reconnectToStream(options);
    return stream && reading(stream, leaving);
  }
}

/** Reads a stream until the test is over. */
export function reading(stream: ReadableStream<UIMessageChunk>, leaving?: AbortController): ChatReader {
  const reader = new ChatReader(stream, leaving);
  afterTest(() => reader.leave());
  return reader;
}
