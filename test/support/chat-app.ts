import type { ModuleMetadata } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import { chatTopics, PushChatModule, type PushChatOptions } from 'nestjs-push/ai';
import { ChatController } from './chat-example.js';
import { ScriptedModel } from './scripted-model.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';

/** What a chat application may have besides. */
export interface ChatAppOptions {
  readonly platform?: Platform;
  readonly push?: PushOptions;
  readonly chat?: PushChatOptions;
  readonly controllers?: ModuleMetadata['controllers'];
}

/** The application of the documentation, whose chat is at `/api/chat`, and whose model says what the test says. */
export async function startChat(
  options: ChatAppOptions = {},
): Promise<{ app: RunningApp; script: ScriptedModel }> {
  const script = new ScriptedModel();
  const { platform = 'express', push, chat, controllers = [] } = options;
  const app = await startApp(platform, {
    imports: [
      PushModule.forRoot({ topics: chatTopics(), heartbeat: 1_000, ...push }),
      PushChatModule.forRoot({ joinFor: 0, ...chat }),
    ],
    controllers: [...controllers, ChatController],
    providers: [{ provide: 'MODEL', useValue: script.model }],
  });
  return { app, script };
}
