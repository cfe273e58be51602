/*
 * nestjs-push/ai: chats for the clients of the AI SDK, over their own protocol (UI message stream, version 1). docs/ai.md walks
 * through one. It depends on no package of theirs.
 */
export { PushChatModule, type PushChatAsyncOptions } from './push-chat.module.js';
export type { PushChatOptions, WhenBusy } from './push-chat.options.js';
export { PushChat, type PushChatRouteOptions } from './push-chat.decorator.js';
export {
  ChatStreams,
  type ChatStream,
  type ResumeChatOptions,
  type StartChatOptions,
} from './chat-streams.js';
export { chatTopics, type ChatTopicOptions } from './chat-topics.js';
export type { ChatChunks, ChatSource } from './chat-source.js';
export type { ChatChunk } from './chunks.js';
