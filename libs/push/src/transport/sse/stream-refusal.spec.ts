import type { RawRequest } from '../../platform/raw-response.js';
import { needsStream } from './stream-refusal.js';

describe('A refusal for the moment is a stream', () => {
  it.each([
    ['GET', { accept: 'text/event-stream' }, true],
    ['GET', { accept: 'text/html, TEXT/Event-Stream;q=0.5' }, true],
    ['GET', { accept: 'text/event-stream; q=0' }, false],
    ['GET', { accept: 'text/event-stream;q=0.000' }, false],
    ['GET', { accept: 'text/event-stream;q=0.001' }, true],
    ['GET', { accept: '*/*' }, false],
    ['GET', { accept: 'text/event-streams' }, false],
    ['GET', {}, false],
    ['HEAD', { accept: 'text/event-stream' }, false],
    ['POST', { accept: 'text/event-stream' }, false],
    ['GET', { accept: 'text/event-stream', 'push-refusals': 'status' }, false],
    ['GET', { accept: 'text/event-stream', 'push-refusals': 'stream' }, true],
  ])('for %s with %j: %s', (method, headers, expected) => {
    expect(needsStream({ method, headers } as unknown as RawRequest)).toBe(expected);
  });
});
