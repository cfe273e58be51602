import { createHash } from 'node:crypto';
import { PushError } from '../contracts/errors.js';

/**
 * The key by which a publisher's events are counted, and which is stored with them. It is a digest of the principal's id: an
 * id may be long, and may be personal data that does not belong in the backplane.
 *
 * @throws PushError `INVALID_OPTION`
 */
export function publisherKey(id: unknown): string {
  if (typeof id !== 'string' || id === '' || id.length > 256)
    throw new PushError(
      'INVALID_OPTION',
      'A publisher is the id of a principal, a string of 1 to 256 characters.',
    );
  return createHash('sha256').update(id).digest('base64url').slice(0, 16);
}
