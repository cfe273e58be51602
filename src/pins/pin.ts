/** A note on the wall, which all visitors may move and take down. Its topic is `pins.<id>`. */
export interface Pin {
  readonly author: string;
  readonly text: string;
  /** Where it is: from 0 (left) to 100 (right). */
  readonly x: number;
  /** From 0 (top) to 100 (bottom). */
  readonly y: number;
}

declare module 'nestjs-push' {
  interface PushTopics {
    'pins.*': Pin;
  }
}
