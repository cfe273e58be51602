export interface Price {
  readonly symbol: string;
  readonly price: number;
}

declare module 'nestjs-push' {
  interface PushTopics {
    'prices.*': Price;
  }
}
