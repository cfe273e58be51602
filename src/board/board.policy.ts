import {
  PushTopic,
  type Principal,
  type PublishContext,
  type TopicParams,
  type TopicPolicy,
} from 'nestjs-push';
import { NoteDto } from './note.dto.js';
import type { Note } from './note.js';

/** Every visitor may publish notes to the board, and nothing else. */
@PushTopic('board.notes', { payload: NoteDto })
export class BoardPolicy implements TopicPolicy<NoteDto, Note> {
  canPublish(): boolean {
    return true;
  }

  /** Sets the time by the server's clock, and ignores the time that a page sends. */
  transform(_: Principal, __: TopicParams, { data }: PublishContext<NoteDto>): Note {
    return { author: data.author, text: data.text, at: Date.now() };
  }
}
