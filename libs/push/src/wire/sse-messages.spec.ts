import { LogEvent } from '../contracts/event.js';
import { chunkedSseMessageCodec, sseMessage, sseMessageCodec } from './sse.codec.js';

const event = new LogEvent('e', 7, { topic: 'orders.42', type: 'paid', data: '"a\\nb"' });
const block =
  'data: {"event":"message","data":{"topic":"orders.42","id":"e-7","type":"paid","data":"a\\nb"}}\n\n';

describe('messages over HTTP (PROTOCOL.md)', () => {
  it('an event is the message of a WebSocket, on one line', () => {
    expect(sseMessageCodec.encode(event).toString()).toBe(block);
  });

  it('several are one write, or one chunk', () => {
    const encodings = [event, event].map((each) => sseMessageCodec.encode(each));
    expect(sseMessageCodec.join(encodings).toString()).toBe(block + block);
    const length = (2 * block.length).toString(16);
    expect(chunkedSseMessageCodec.join(encodings).toString()).toBe(`${length}\r\n${block}${block}\r\n`);
  });

  it('so is everything else that the server says', () => {
    expect(sseMessage({ event: 'heartbeat', data: { id: 'e-7' } }).toString()).toBe(
      'data: {"event":"heartbeat","data":{"id":"e-7"}}\n\n',
    );
  });
});
