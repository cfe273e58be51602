import { Injectable } from '@nestjs/common';
import { EventBus, topic, type RunContext } from 'nestjs-push';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from './topics.js';

/** How long a line takes, in milliseconds: there would be more to do than to write it. */
const pace = 20;

/** Writes what was said at a board as a file, line by line. */
@Injectable()
export class Exporter {
  constructor(private readonly events: EventBus) {}

  /** It stops, by an error, when `signal` is aborted. */
  async *write(board: string, signal: AbortSignal, { progress }: RunContext): AsyncGenerator<string> {
    const messages = await this.messagesOf(board);
    for (const [index, { author, text }] of messages.entries()) {
      await delay(pace, undefined, { signal });
      yield `${author}: ${text}\n`;
      progress((index + 1) / messages.length, `${index + 1} of ${messages.length}`);
    }
  }

  /** All that is retained, oldest first. */
  private async messagesOf(board: string): Promise<Message[]> {
    const messages: Message[] = [];
    let before: string | undefined;
    do {
      const page = await this.events.history(topic<'boards.*.feed'>`boards.${board}.feed`, {
        before,
        limit: 500,
      });
      messages.unshift(...page.events.map(({ data }) => data));
      before = page.before;
    } while (before);
    return messages;
  }
}
