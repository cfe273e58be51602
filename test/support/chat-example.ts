import { Body, Controller, Inject, Module } from '@nestjs/common';
import { convertToModelMessages, generateId, streamText, type LanguageModel, type UIMessage } from 'ai';
import { PushModule } from 'nestjs-push';
import { chatTopics, PushChat, PushChatModule } from 'nestjs-push/ai';

interface ChatRequest {
  readonly id: string;
  readonly messages: UIMessage[];
}

@Controller('api')
export class ChatController {
  constructor(@Inject('MODEL') private readonly model: LanguageModel) {}

  @PushChat('chat')
  async answer(@Body() { messages }: ChatRequest) {
    const prompt = await convertToModelMessages(messages);
    return (signal: AbortSignal) =>
      streamText({ model: this.model, messages: prompt, abortSignal: signal }).toUIMessageStream({
        generateMessageId: generateId,
      });
  }
}

@Module({
  imports: [PushModule.forRoot({ topics: chatTopics() }), PushChatModule.forRoot()],
  controllers: [ChatController],
  providers: [{ provide: 'MODEL', useValue: 'anthropic/claude-sonnet-4.5' }],
})
export class ChatModule {}
