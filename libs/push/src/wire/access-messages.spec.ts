import { PushError } from '../contracts/errors.js';
import { sseError } from './sse.codec.js';
import { publishedMessage, refreshedMessage, revokedMessage } from './websocket.messages.js';

describe('messages about rights (PROTOCOL.md)', () => {
  it.each([
    [publishedMessage('r1', 'e-7'), '{"event":"published","data":{"ref":"r1","id":"e-7"}}'],
    [publishedMessage('r1', undefined), '{"event":"published","data":{"ref":"r1"}}'],
    [
      refreshedMessage('r2', 1_800_000_000_000),
      '{"event":"refreshed","data":{"ref":"r2","expiresAt":1800000000000}}',
    ],
    [refreshedMessage(undefined, undefined), '{"event":"refreshed","data":{}}'],
    [revokedMessage(['orders.42']), '{"event":"revoked","data":{"topics":["orders.42"]}}'],
  ])('%j', (message, text) => expect(JSON.stringify(message)).toBe(text));

  it('the end of a stream whose client is no longer authenticated keeps the id to resume from', () => {
    expect(sseError(new PushError('UNAUTHENTICATED', 'Expired.')).toString()).toBe(
      'event: push.expired\ndata: {"code":"UNAUTHENTICATED","message":"Expired.","retryable":false}\n\n',
    );
  });

  it('so does the end of one that lost a topic: who comes back is decided about anew', () => {
    expect(sseError(new PushError('FORBIDDEN', 'Revoked.')).toString()).toBe(
      'event: push.error\ndata: {"code":"FORBIDDEN","message":"Revoked.","retryable":false}\n\n',
    );
  });
});
