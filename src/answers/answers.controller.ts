import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { EventBus, Runs, topic } from 'nestjs-push';
import { randomUUID } from 'node:crypto';
import type { Answer } from './answer.js';
import { QuestionDto } from './question.dto.js';
import { write } from './writer.js';

/** How long after the death of the node that writes an answer the others end it, in milliseconds. */
const lease = 3_000;

/**
 * Long answers. Each is written by a run, which goes on whoever leaves; the state topic `answer` says which one all pages show.
 * `GET` is missing because pages read the topics.
 */
@Controller('answers')
export class AnswersController {
  constructor(
    private readonly events: EventBus,
    private readonly runs: Runs,
  ) {}

  /** Begins an answer. While one is being written, that is the answer. Answers 409 if somebody else has asked at the same moment. */
  @Post()
  async write(@Body() { question }: QuestionDto): Promise<Answer> {
    const { events } = await this.events.history('answer', { limit: 1 });
    const [newest] = events;
    if (newest && (await this.isRunning(newest.data as Answer))) return newest.data as Answer;
    const answer = { id: randomUUID(), question };
    const run = await this.runs.start(
      topic`answers.${answer.id}`,
      (signal, context) => write(question, signal, context),
      { id: answer.id, lease, compact: (words) => words.join('') },
    );
    try {
      await this.events.publish('answer', answer, { expect: newest?.id ?? 'none' });
    } catch (error) {
      // The pages do not know of it.
      await run.cancel();
      throw error;
    }
    return answer;
  }

  /** Stops it, whichever node writes it. */
  @Delete(':id')
  @HttpCode(204)
  async stop(@Param('id') id: string): Promise<void> {
    await this.runs.cancel(topic`answers.${id}`);
  }

  private async isRunning({ id }: Answer): Promise<boolean> {
    return (await this.runs.status(topic`answers.${id}`))?.state === 'running';
  }
}
