/*
 * A node of an application with a chat, in a process of its own. Says "port <n>" once it listens. Its model writes one word in
 * each interval, and ends after the last one.
 *
 * node chat-node.mjs '{"kind":"Redis","port":6379,"words":100,"interval":20}'
 */
import 'reflect-metadata';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { simulateReadableStream, streamText } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { Backplane, PushModule } from 'nestjs-push';
import { chatTopics, PushChat, PushChatModule } from 'nestjs-push/ai';
import { setTimeout as delay } from 'node:timers/promises';
import { backplaneAt } from './node-backplanes.mjs';

const { kind, port, words, interval, lease } = JSON.parse(process.argv[2]);
const backplane = backplaneAt(kind, port);

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};
const model = new MockLanguageModelV4({
  doStream: ({ abortSignal }) => {
    abortSignal?.addEventListener('abort', () => process.stdout.write('aborted\n'));
    process.stdout.write('asked\n');
    const chunks = [
      { type: 'stream-start', warnings: [] },
      { type: 'text-start', id: '1' },
      ...Array.from({ length: words }, (_, n) => ({ type: 'text-delta', id: '1', delta: `word${n} ` })),
      { type: 'text-end', id: '1' },
      { type: 'finish', finishReason: { unified: 'stop', raw: undefined }, usage },
    ];
    return Promise.resolve({ stream: simulateReadableStream({ chunks, chunkDelayInMs: interval }) });
  },
});

class ChatController {
  answer() {
    return (signal) =>
      streamText({ model, prompt: 'Hi', abortSignal: signal, maxRetries: 0 }).toUIMessageStream({
        generateMessageId: () => 'answer',
      });
  }
}
const method = Object.getOwnPropertyDescriptor(ChatController.prototype, 'answer');
PushChat('chat')(ChatController.prototype, 'answer', method);
Object.defineProperty(ChatController.prototype, 'answer', method);
Controller('api')(ChatController);

class NodeModule {}
Module({
  imports: [
    PushModule.forRoot({ backplane, topics: chatTopics(), heartbeat: 1_000 }),
    PushChatModule.forRoot({ lease }),
  ],
  controllers: [ChatController],
})(NodeModule);

const app = await NestFactory.create(NodeModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
while (!(await app.get(Backplane).health()).ready) await delay(50);
// A node does not outlive the test that started it.
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write(`port ${app.getHttpServer().address().port}\n`);
