import { sseCodec, chunkedSseCodec, sseEnvelopeCodec } from '../wire/sse.codec.js';
import { Encodings } from './encodings.js';
import { Batch, LogEvent, type Codec } from './event.js';

function event(sequence: number, except?: string): LogEvent {
  return new LogEvent('log', sequence, { topic: 'a', data: String(sequence), except });
}

/** Counts what it is asked for. */
function counting(form = new Encodings()): Codec & { encoded: number; joined: number } {
  return {
    form,
    encoded: 0,
    joined: 0,
    encode(event) {
      this.encoded++;
      return Buffer.from(event.data);
    },
    join(encodings) {
      this.joined++;
      return Buffer.concat(encodings);
    },
    single(event) {
      return this.join([this.encode(event)]);
    },
  };
}

describe('LogEvent', () => {
  it('has an id, unless it is ephemeral', () => {
    expect(event(7).id).toBe('log-7');
    expect(event(0).id).toBeUndefined();
  });
});

describe('Batch', () => {
  it('is joined once for each codec', () => {
    const codec = counting();
    const batch = new Batch([event(1), event(2)]);
    expect(batch.bytes(codec)).toBe(batch.bytes(codec));
    expect(codec.joined).toBe(1);
    expect(batch.bytes(codec).toString()).toBe('12');
  });

  it('of a single event is made in one go, and nothing of it is kept', () => {
    const codec = counting();
    const it = event(7);
    const batch = new Batch([it]);
    expect([batch.bytes(codec), batch.bytes(codec)].map(String)).toEqual(['7', '7']);
    expect(codec).toMatchObject({ encoded: 1, joined: 1 });
    expect(codec.form.bytes).toBe(0);
  });

  it('of a single event is a text for the first who writes texts, and one Buffer for all others', () => {
    const it = new LogEvent('log', 7, { topic: 'a', data: '1' });
    const text = '13\r\nid: log-7\ndata: 1\n\n\r\n';
    const batch = new Batch([it]);
    expect(batch.bytesOrText(chunkedSseCodec)).toBe(text);
    const shared = batch.bytesOrText(chunkedSseCodec);
    expect(shared).toEqual(Buffer.from(text));
    expect([batch.bytesOrText(chunkedSseCodec), batch.bytes(chunkedSseCodec)]).toEqual([shared, shared]);
  });

  it.each([
    ['several events', [event(1), event(2)]],
    ['a long event', [new LogEvent('log', 1, { topic: 'a', data: `"${'x'.repeat(5_000)}"` })]],
    ['an event that is not ASCII', [new LogEvent('log', 1, { topic: 'a', data: '"ä"' })]],
  ])('of %s is a Buffer for everybody', (_, events) => {
    const batch = new Batch(events);
    expect(batch.bytesOrText(chunkedSseCodec)).toEqual(new Batch(events).bytes(chunkedSseCodec));
  });

  it('shares the encodings of its events with other batches, from the second one on', () => {
    const codecs = [counting(), counting()];
    const shared = counting(codecs[1]!.form);
    const events = [event(1), event(2), event(3)];
    const batches = [new Batch(events), new Batch(events.slice(1)), new Batch(events.slice(0, 2))];
    for (const codec of [...codecs, shared]) {
      expect(batches.map((batch) => batch.bytes(codec).toString())).toEqual(['123', '23', '12']);
    }
    expect([...codecs, shared].map((codec) => codec.encoded)).toEqual([6, 3, 0]);
  });

  it('keeps nothing of events that no other batch has', () => {
    const codec = counting();
    for (let n = 1; n <= 100; n++) new Batch([event(2 * n), event(2 * n + 1)]).bytes(codec);
    expect(codec).toMatchObject({ encoded: 200, joined: 100 });
    expect(codec.form.bytes).toBe(0);
  });

  it('keeps the encodings of codecs apart that differ in more than how they join', () => {
    const batch = new Batch([event(1), event(2)]);
    const text = (codec: Codec) => batch.bytes(codec).toString();
    expect(text(chunkedSseCodec)).toContain(text(sseCodec));
    expect(text(sseEnvelopeCodec)).not.toBe(text(sseCodec));
  });

  it('knows its first and last place in the log', () => {
    expect(new Batch([event(0), event(3), event(5), event(0)])).toMatchObject({ first: 3, last: 5 });
    expect(new Batch([event(0)])).toMatchObject({ first: Infinity, last: 0 });
  });

  it('leaves out what excepts the client, on whichever of its connections', () => {
    const batch = new Batch([event(1), event(2, 'ann'), event(3, 'one')]);
    const data = (connection: { id: string; clientId?: string }) =>
      batch.partFor(connection, 0)?.events.map((each) => each.data);
    expect(data({ id: 'one', clientId: 'ann' })).toEqual(['1']);
    expect(data({ id: 'two', clientId: 'ann' })).toEqual(['1', '3']);
    expect(data({ id: 'three', clientId: 'bob' })).toEqual(['1', '2', '3']);
    expect(data({ id: 'four' })).toEqual(['1', '2', '3']);
    expect(batch.partFor({ id: 'three', clientId: 'bob' }, 0)).toBe(batch);
  });

  it('is itself the part for a connection that has none of it and is not excepted', () => {
    const batch = new Batch([event(3), event(4, 'sender'), event(0)]);
    expect(batch.partFor({ id: 'somebody' }, 2)).toBe(batch);
    expect(batch.partFor({ id: 'sender' }, 2)!.events.map(({ sequence }) => sequence)).toEqual([3, 0]);
  });

  it('is cut for a connection that has some of it, and keeps ephemeral events with the event they precede', () => {
    const batch = new Batch([event(0), event(3), event(0), event(5)]);
    expect(batch.partFor({ id: 'somebody' }, 3)!.events).toEqual(batch.events.slice(2));
    expect(batch.partFor({ id: 'somebody' }, 5)).toBeUndefined();
  });

  it('has no part for a sender that has all but its own event', () => {
    expect(new Batch([event(3, 'sender'), event(0, 'sender')]).partFor({ id: 'sender' }, 0)).toBeUndefined();
  });
});
