import { MockLanguageModelV4 } from 'ai/test';
import { Watched } from './watched.js';

type StreamResult = Awaited<ReturnType<MockLanguageModelV4['doStream']>>;
type Part = StreamResult['stream'] extends ReadableStream<infer Each> ? Each : never;

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

/** One answer of a model, which a test writes word by word. */
export class ScriptedAnswer {
  readonly stream: ReadableStream<Part>;
  private controller!: ReadableStreamDefaultController<Part>;

  constructor(
    /** What the model was asked. */
    readonly prompt: unknown,
    readonly signal: AbortSignal | undefined,
  ) {
    this.stream = new ReadableStream<Part>({ start: (controller) => void (this.controller = controller) });
    this.emit({ type: 'stream-start', warnings: [] }, { type: 'text-start', id: '1' });
  }

  say(...words: string[]): void {
    for (const delta of words) this.emit({ type: 'text-delta', id: '1', delta });
  }

  finish(): void {
    const finishReason = { unified: 'stop', raw: undefined } as const;
    this.emit({ type: 'text-end', id: '1' }, { type: 'finish', finishReason, usage });
    this.controller.close();
  }

  fail(error: Error): void {
    this.controller.error(error);
  }

  private emit(...parts: Part[]): void {
    for (const part of parts) this.controller.enqueue(part);
  }
}

/** A language model of the AI SDK whose answers a test writes. */
export class ScriptedModel extends Watched {
  readonly answers: ScriptedAnswer[] = [];
  readonly model = new MockLanguageModelV4({
    doStream: ({ prompt, abortSignal }) => {
      const answer = new ScriptedAnswer(prompt, abortSignal);
      this.answers.push(answer);
      this.changed();
      return Promise.resolve({ stream: answer.stream });
    },
  });

  /** The answer with this number, once the model is asked for it. */
  async answer(number: number): Promise<ScriptedAnswer> {
    await this.until(() => this.answers.length >= number);
    return this.answers[number - 1]!;
  }
}
