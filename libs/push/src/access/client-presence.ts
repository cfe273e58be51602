import { PushError } from '../contracts/errors.js';
import { payloadOf } from './payload.js';
import type { TopicAccess } from './topic-access.js';

/** How large the data of a member may be, as JSON in UTF-8 bytes. */
export const maxPresenceBytes = 1_024;

/**
 * What a client says of itself in a topic, as JSON text; `undefined` for nothing.
 *
 * @throws PushError `DATA_TOO_LARGE`; `BadRequestException` for data that the policy's class does not take
 */
export async function presentationOf(
  access: TopicAccess,
  topic: string,
  data: unknown,
): Promise<string | undefined> {
  if (data === undefined || data === null) return undefined;
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxPresenceBytes)
    throw new PushError('DATA_TOO_LARGE', `Presence data has ${bytes} bytes; it takes ${maxPresenceBytes}.`);
  const schema = access.presenceSchemaOf(topic);
  if (schema) await payloadOf(schema, data);
  return text;
}
