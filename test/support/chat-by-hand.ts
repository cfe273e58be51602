import { Body, Controller, Delete, HttpCode, Param, RequestMethod, Sse } from '@nestjs/common';
import { ChatStreams } from 'nestjs-push/ai';

@Controller('hand')
export class HandController {
  constructor(private readonly chats: ChatStreams) {}

  @Sse('chats', { method: RequestMethod.POST })
  @HttpCode(200)
  start(@Body('id') id: string) {
    return this.chats.start(id, async function* () {
      yield { type: 'start' };
      yield { type: 'text-start', id: '1' };
      yield { type: 'text-delta', id: '1', delta: 'Hello' };
      yield { type: 'text-end', id: '1' };
      yield { type: 'finish' };
    });
  }

  @Sse('chats/:id/stream')
  resume(@Param('id') id: string) {
    return this.chats.resume(id);
  }

  @Delete('chats/:id/stream')
  @HttpCode(204)
  async stop(@Param('id') id: string) {
    await this.chats.stop(id);
  }
}
