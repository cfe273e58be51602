import type { TopicTypes } from 'nestjs-push';
import type { NoteDto } from './note.dto.js';

/** A note that all visitors see. */
export interface Note {
  readonly author: string;
  readonly text: string;
  /** When the server accepted the note, in milliseconds since 1970. */
  readonly at: number;
}

declare module 'nestjs-push' {
  interface PushTopics {
    'board.notes': TopicTypes<{ event: Note; publish: NoteDto }>;
  }
}
