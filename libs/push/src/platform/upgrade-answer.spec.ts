import { parseAnswer } from './upgrade-answer.js';

describe('parseAnswer', () => {
  it('takes a 101 for the 200 of an extended CONNECT, without what is of HTTP/1.1', () => {
    const head = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: abc',
      'Sec-WebSocket-Protocol: graphql-ws',
    ];
    expect(parseAnswer(head.join('\r\n'))).toEqual({
      ':status': 200,
      'sec-websocket-protocol': 'graphql-ws',
    });
  });

  it('keeps the status of a refusal, and headers that come more than once', () => {
    const head =
      'HTTP/1.1 401 Unauthorized\r\nSet-Cookie: a=1\r\nset-cookie:b=2\r\nSet-Cookie: c=3\r\nX-Empty:';
    expect(parseAnswer(head)).toEqual({
      ':status': 401,
      'set-cookie': ['a=1', 'b=2', 'c=3'],
      'x-empty': '',
    });
  });

  it.each(['', 'hello', 'HTTP/2 200', 'HTTP/1.1 99 Early', 'HTTP/1.1 600 Late', 'HTTP/1.1 20x No'])(
    'does not take %j',
    (head) => expect(() => parseAnswer(head)).toThrow('HTTP head'),
  );
});
