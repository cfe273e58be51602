import { readBody, writeBody } from './event-body.js';

describe('The stored form of an event', () => {
  it.each([
    [{ topic: 'a', data: '1' }, '\n1'],
    [{ topic: 'a', data: '1', type: 't' }, '["t",null]\n1'],
    [{ topic: 'a', data: '1', except: 'c' }, '[null,"c"]\n1'],
    [{ topic: 'a', data: '1', publisher: 'p' }, '[null,null,{"by":"p"}]\n1'],
    [{ topic: 'a', data: '"\\n"', type: 't', except: 'c', publisher: 'p' }, '["t","c",{"by":"p"}]\n"\\n"'],
  ])('of %j is %j, and is read as what it was', (draft, body) => {
    expect(writeBody(draft)).toBe(body);
    expect({ ...readBody('log', 7, 'a', body) }).toEqual({ epoch: 'log', sequence: 7, ...draft });
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

  it('is read by versions that know of no publisher as one without', () => {
    const [head] = writeBody({ topic: 'a', data: '1', type: 't', publisher: 'p' }).split('\n');
    const [type, except] = JSON.parse(head!) as (string | null)[];
    expect([type, except]).toEqual(['t', null]);
  });
});
