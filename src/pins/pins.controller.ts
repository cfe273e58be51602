import { Body, Controller, Delete, HttpCode, NotFoundException, Param, Post, Put } from '@nestjs/common';
import { EventBus, topic } from 'nestjs-push';
import { randomUUID } from 'node:crypto';
import { PinDto, PlaceDto } from './pin.dto.js';
import type { Pin } from './pin.js';

/**
 * The notes on the wall. Each is a topic, and its newest event is what is true: nothing else stores them, and pages show what
 * the topics hold.
 */
@Controller('pins')
export class PinsController {
  constructor(private readonly events: EventBus) {}

  @Post()
  async pin(@Body() pin: PinDto): Promise<{ id: string }> {
    const id = randomUUID();
    await this.events.publish(`pins.${id}`, { ...pin }, { expect: 'none' });
    return { id };
  }

  /** Answers 409 if the note has been moved or taken down in the meantime: `expect` compares and sets. */
  @Put(':id/place')
  @HttpCode(204)
  async move(@Param('id') id: string, @Body() { x, y }: PlaceDto): Promise<void> {
    const { topic, data, eventId } = await this.find(id);
    await this.events.publish(topic, { ...data, x, y }, { expect: eventId });
  }

  @Delete(':id')
  @HttpCode(204)
  async takeDown(@Param('id') id: string): Promise<void> {
    const { topic } = await this.find(id);
    await this.events.remove(topic);
  }

  private async find(id: string) {
    const name = topic`pins.${id}`;
    const { events } = await this.events.history(name, { limit: 1 });
    const [newest] = events;
    if (!newest) throw new NotFoundException('There is no such note. Somebody may have taken it down.');
    return { topic: name, data: newest.data as Pin, eventId: newest.id! };
  }
}
