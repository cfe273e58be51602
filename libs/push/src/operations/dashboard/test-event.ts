import { MessageFields } from '../../clients/message-fields.js';
import { maxTopicLength } from '../../contracts/topic.js';

/** A test event, as the page asks for it. */
export interface TestEvent {
  readonly topic: string;
  readonly data: unknown;
  readonly type?: string;
}

/** The longest type of an event. */
const maxTypeLength = 128;

/** @throws PushError `INVALID_MESSAGE` */
export function readTestEvent(message: object): TestEvent {
  const fields = new MessageFields(message);
  const topic = fields.text('topic', { min: 1, max: maxTopicLength });
  const type = fields.optionalText('type', { max: maxTypeLength });
  fields.assertValid();
  return { topic, data: fields.any('data'), type: type === '' ? undefined : type };
}
