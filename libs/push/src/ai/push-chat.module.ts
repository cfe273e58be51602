import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common';
import { ChatStreams } from './chat-streams.js';
import { chatSettings, chatSettingsOf, type PushChatOptions } from './push-chat.options.js';

/** Options that come from other providers, such as a configuration. */
export interface PushChatAsyncOptions extends Pick<FactoryProvider, 'inject'> {
  readonly imports?: DynamicModule['imports'];
  readonly useFactory: (...dependencies: never[]) => PushChatOptions | Promise<PushChatOptions>;
}

/**
 * Chats for the clients of the AI SDK, beside `PushModule.forRoot({ topics: [...chatTopics()] })`. `ChatStreams` can be injected
 * everywhere, and controllers may have `@PushChat()` routes.
 */
@Module({})
export class PushChatModule {
  /** @throws PushError `INVALID_OPTION`, when the application starts */
  static forRoot(options: PushChatOptions = {}): DynamicModule {
    return PushChatModule.forRootAsync({ useFactory: () => options });
  }

  /** @throws PushError `INVALID_OPTION`, when the application starts */
  static forRootAsync({ imports, inject = [], useFactory }: PushChatAsyncOptions): DynamicModule {
    const settings = async (...dependencies: never[]) => chatSettingsOf(await useFactory(...dependencies));
    return {
      module: PushChatModule,
      global: true,
      imports,
      providers: [{ provide: chatSettings, inject, useFactory: settings }, ChatStreams],
      exports: [ChatStreams],
    };
  }
}
