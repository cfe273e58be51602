export type Status = 'accepted' | 'packed' | 'shipped' | 'delivered';

export interface Topics {
  'orders.*': { status: Status };
}

declare module 'nestjs-push' {
  interface PushTopics extends Topics {}
}
