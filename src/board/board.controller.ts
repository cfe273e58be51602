import { Body, Controller, Post } from '@nestjs/common';
import { EventBus } from 'nestjs-push';
import { WriteNoteDto } from './write-note.dto.js';

/** Notes come in here, and go out to everyone who subscribes to `board.notes` over the WebSocket at `/push`. */
@Controller('board')
export class BoardController {
  constructor(private readonly events: EventBus) {}

  @Post('notes')
  async write(@Body() { author, text, messageId }: WriteNoteDto): Promise<{ id: string }> {
    const note = { author, text, at: Date.now() };
    return { id: await this.events.publish('board.notes', note, { messageId }) };
  }
}
