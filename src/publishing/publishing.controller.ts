import { Body, Controller, ForbiddenException, Param, Post } from '@nestjs/common';
import { covers, EventBus } from 'nestjs-push';
import { PublishEventDto } from './publish-event.dto.js';

/** Publishes events of other programs: `curl localhost:3000/events/board.notes -d data=Hello`. */
@Controller('events')
export class PublishingController {
  constructor(private readonly events: EventBus) {}

  /** Answers with the event's id once it is stored. A 400 says what is wrong with the topic, the type or the body. */
  @Post(':topic')
  async publish(
    @Param('topic') topic: string,
    @Body() { data, type, messageId }: PublishEventDto,
  ): Promise<{ topic: string; id: string }> {
    if (covers('machine.>', topic)) {
      throw new ForbiddenException('The figures of the machine are measured. Publish to another topic.');
    }
    if (covers('pins.>', topic)) {
      throw new ForbiddenException('The notes on the wall are pinned by POST /pins.');
    }
    if (topic === 'answer' || covers('answers.>', topic)) {
      throw new ForbiddenException('Answers are written by POST /answers.');
    }
    return { topic, id: await this.events.publish(topic, data, { type, messageId }) };
  }
}
