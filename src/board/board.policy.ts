import {
  PushTopic,
  type Principal,
  type PublishContext,
  type TopicParams,
  type TopicPolicy,
} from 'nestjs-push';
import { NoteDto } from './note.dto.js';
import type { Note } from './note.js';

/** Every visitor may write notes, over the connection on which they come: nothing else, and nowhere else. */
@PushTopic('board.notes', { payload: NoteDto })
export class BoardPolicy implements TopicPolicy<NoteDto, Note> {
  canPublish(): boolean {
    return true;
  }

  /** The time is the server's, whatever a page says. */
  transform(_: Principal, __: TopicParams, { data }: PublishContext<NoteDto>): Note {
    return { author: data.author, text: data.text, at: Date.now() };
  }
}
