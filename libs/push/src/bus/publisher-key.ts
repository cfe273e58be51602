import { createHash } from 'node:crypto';
import { PushError } from '../contracts/errors.js';

/**
 * What a publisher is called where its events are kept: a digest, since an id may be long, and is nobody's business there.
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
