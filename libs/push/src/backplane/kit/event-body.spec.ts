import { LogEvent, type Draft } from '../../contracts/event.js';
import { readBody, writeBody } from './event-body.js';

describe('The stored form of an event', () => {
  it.each([
    [{ topic: 'a', data: '1' }, '\n1'],
    [{ topic: 'a', data: '1', type: 't' }, '["t",null]\n1'],
    [{ topic: 'a', data: '1', except: 'c' }, '[null,"c"]\n1'],
    [{ topic: 'a', data: '1', publisher: 'p' }, '[null,null,{"by":"p"}]\n1'],
    [{ topic: 'a', data: '"\\n"', type: 't', except: 'c', publisher: 'p' }, '["t","c",{"by":"p"}]\n"\\n"'],
    [
      { topic: 'a', data: '1', meta: { n: 1.5, t: 'x', b: false } },
      '[null,null,{"meta":{"n":1.5,"t":"x","b":false}}]\n1',
    ],
    [
      { topic: 'a', data: '1', type: 't', except: 'c', publisher: 'p', meta: { removed: true } },
      '["t","c",{"by":"p","meta":{"removed":true}}]\n1',
    ],
  ])('of %j is %j, and is read as what it was', (draft, body) => {
    expect(writeBody(draft)).toBe(body);
    expect({ ...readBody('log', 7, 'a', body) }).toEqual({
      epoch: 'log',
      sequence: 7,
      wasEncoded: false,
      ...draft,
    });
  });

  it('may hold more than this version knows of', () => {
    const body = '["t","c",{"by":"p","traceparent":"00"},7]\n1';
    expect(readBody('log', 7, 'a', body)).toMatchObject({
      type: 't',
      except: 'c',
      publisher: 'p',
      data: '1',
    });
  });

  it('is read by versions that know of no metadata as one without, its other parts unharmed', () => {
    const drafts: Draft[] = [
      { topic: 'a', data: '"\\n"', meta: { by: 'me', removed: true } },
      { topic: 'a', data: '1', type: 't', except: 'c', publisher: 'p', meta: { n: 1 } },
    ];
    for (const { meta, ...draft } of drafts) {
      const read = readWithoutMeta('log', 7, 'a', writeBody({ ...draft, meta }));
      expect({ ...read }).toEqual({ epoch: 'log', sequence: 7, wasEncoded: false, ...draft });
    }
  });

  it('has metadata that cannot be changed', () => {
    const { meta } = readBody('log', 7, 'a', '[null,null,{"meta":{"n":1}}]\n1');
    expect(Object.isFrozen(meta)).toBe(true);
  });

  it('is read by versions that know of no publisher as one without', () => {
    const [head] = writeBody({ topic: 'a', data: '1', type: 't', publisher: 'p' }).split('\n');
    const [type, except] = JSON.parse(head!) as (string | null)[];
    expect([type, except]).toEqual(['t', null]);
  });
});

/** The reader of the versions before metadata, word for word: they read the same log during a rolling upgrade. */
function readWithoutMeta(epoch: string, sequence: number, topic: string, body: string): LogEvent {
  const end = body.indexOf('\n');
  const data = body.slice(end + 1);
  if (end <= 0) return new LogEvent(epoch, sequence, { topic, data });
  const head = JSON.parse(body.slice(0, end)) as [string | null, string | null, { by?: string }?];
  const [type, except, stored] = head;
  return new LogEvent(epoch, sequence, {
    topic,
    type: type ?? undefined,
    data,
    except: except ?? undefined,
    publisher: stored?.by,
  });
}
