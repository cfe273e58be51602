import { lastEventId } from './last-event-id.js';
import type { RawRequest } from '../../platform/raw-response.js';

describe('The last event id of a request', () => {
  it.each<[string | undefined, string, string | undefined]>([
    [undefined, '/x', undefined],
    ['a-1', '/x', 'a-1'],
    // What Node makes of two fields, and proxies do.
    ['a-1, b-2', '/x', 'b-2'],
    ['a-1,', '/x', 'a-1'],
    ['', '/x?lastEventId=a-1', 'a-1'],
    [' , ', '/x?lastEventId=a-1', 'a-1'],
    ['b-2', '/x?lastEventId=a-1', 'b-2'],
    [undefined, '/x?lastEventId=', undefined],
    [undefined, '/x?lastEventId=a-1&lastEventId=b-2', 'b-2'],
    [undefined, '/x?lastEventId=a-1&lastEventId=', 'a-1'],
    [undefined, '/x?topic=a&lastEventId=a%2D1', 'a-1'],
    [undefined, '/x?x=lastEventId=a-1', undefined],
    [undefined, '/x?notlastEventId=a-1', undefined],
  ])('with the header %j and %s is %j', (header, url, expected) => {
    expect(lastEventId({ headers: { 'last-event-id': header }, url } as unknown as RawRequest)).toBe(
      expected,
    );
  });
});
