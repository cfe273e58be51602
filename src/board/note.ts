/** What one visitor writes to all. */
export interface Note {
  readonly author: string;
  readonly text: string;
  /** When the server took it, in milliseconds since 1970. */
  readonly at: number;
}

declare module 'nestjs-push' {
  interface PushTopics {
    'board.notes': Note;
  }
}
