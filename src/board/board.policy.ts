import { PushTopic, type TopicPolicy } from 'nestjs-push';
import { NoteDto } from './note.dto.js';

/** Every visitor may write notes, over the connection on which they come: nothing else, and nowhere else. */
@PushTopic('board.notes', { payload: NoteDto })
export class BoardPolicy implements TopicPolicy {
  canPublish(): boolean {
    return true;
  }
}
