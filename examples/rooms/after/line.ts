import type { TopicTypes } from 'nestjs-push-client';

export interface Line {
  readonly author: string;
  readonly text: string;
}

export interface Topics {
  'rooms.*': TopicTypes<{ event: Line; publish: { text: string } }>;
}

declare module 'nestjs-push' {
  interface PushTopics extends Topics {}
}
