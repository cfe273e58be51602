import type { IncomingMessage } from 'node:http';
import { keepAcceptableOffers } from './deflated-messages.js';

function kept(offered: string | undefined): string | undefined {
  const headers = { 'sec-websocket-extensions': offered };
  keepAcceptableOffers({ headers } as unknown as IncomingMessage);
  return headers['sec-websocket-extensions'];
}

describe('An offer to compress messages', () => {
  it.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; client_no_context_takeover; client_max_window_bits=10',
    'permessage-deflate; server_max_window_bits=15',
    'permessage-deflate; server_max_window_bits="12"',
    'x-webkit-deflate-frame',
  ])('is left to ws if shared messages fit it: %s', (offer) => expect(kept(offer)).toBe(offer));

  it.each([
    'permessage-deflate; server_no_context_takeover',
    'permessage-deflate; client_max_window_bits; server_no_context_takeover',
    'permessage-deflate; server_max_window_bits=11',
    'permessage-deflate;server_max_window_bits = "8"',
  ])('is passed over if they do not: %s', (offer) => {
    expect(kept(offer)).toBeUndefined();
    expect(kept(`${offer}, permessage-deflate; client_max_window_bits`)?.trim()).toBe(
      'permessage-deflate; client_max_window_bits',
    );
  });

  it.each([
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=no',
    ';;',
  ])('is left to ws if it is malformed: %s', (offer) => expect(kept(offer)).toBe(offer));

  it('is not needed', () => expect(kept(undefined)).toBeUndefined());
});
