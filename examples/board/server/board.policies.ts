import { PushTopic, type Principal, type PublishContext, type TopicPolicy } from 'nestjs-push';
import type { Message, NewNote, Note } from './topics.js';

/** Whoever is logged in may put notes and move them. The last one wins. */
@PushTopic('boards.:board.notes.:note')
export class NotesPolicy implements TopicPolicy<NewNote, Note> {
  canPublish = () => true;

  // The server says who it was, whatever the page sends.
  transform({ id }: Principal, _: object, { data }: PublishContext<NewNote>): Note {
    return { ...data, author: id };
  }
}

/** Whoever is logged in may say something. */
@PushTopic('boards.:board.feed')
export class FeedPolicy implements TopicPolicy<Pick<Message, 'text'>, Message> {
  canPublish = () => true;

  transform({ id }: Principal, _: object, { data }: PublishContext<Pick<Message, 'text'>>): Message {
    return { author: id, text: data.text, at: Date.now() };
  }
}
