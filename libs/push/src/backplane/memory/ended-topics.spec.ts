import { endMeta } from '../../contracts/end.js';
import { removalMeta } from '../../contracts/state.js';
import { EndedTopics } from './ended-topics.js';

describe('The ended topics of a log in memory', () => {
  let time = 0;
  const ends = { ttl: 1_000, tombstones: 10 };
  const of = (topic: string) => ({ events: 10, age: 100, ...(topic.startsWith('runs.') && { ends }) });
  const end = { data: 'null', meta: endMeta({ reason: 'done', data: 'none' }) };
  const topics = () => new EndedTopics({ of, hasEnds: true }, () => time);
  const take = (ended: EndedTopics, topic: string, more: object = {}) =>
    ended.take({ topic, data: '1', ...more })?.code;

  it('refuse what follows an end, but a removal, after which the topic begins again', () => {
    const ended = topics();
    expect(take(ended, 'runs.1')).toBeUndefined();
    expect(take(ended, 'runs.1', end)).toBeUndefined();
    expect(take(ended, 'runs.1')).toBe('ENDED');
    expect(take(ended, 'runs.1', end)).toBe('ENDED');
    expect(take(ended, 'runs.2')).toBeUndefined();
    expect(take(ended, 'runs.1', { data: 'null', meta: removalMeta })).toBeUndefined();
    expect(take(ended, 'runs.1')).toBeUndefined();
  });

  it('are forgotten after their time, also those that nothing asks for', () => {
    const ended = topics();
    for (let n = 0; n < 100; n++) take(ended, `runs.${n}`, end);
    time += 999;
    expect(take(ended, 'runs.0')).toBe('ENDED');
    time += 1;
    expect(take(ended, 'runs.0')).toBeUndefined();
    for (let n = 0; n < 40; n++) take(ended, 'runs.another');
    expect(ended.size).toBe(0);
  });

  it('are not more than there is room for: those that ended first are forgotten', () => {
    const ended = topics();
    for (let n = 0; n <= 100_000; n++) take(ended, `runs.${n}`, end);
    expect(ended.size).toBe(100_000);
    expect([take(ended, 'runs.0'), take(ended, 'runs.1')]).toEqual([undefined, 'ENDED']);
  });

  it('are those of finite topics alone', () => {
    const ended = topics();
    take(ended, 'news', end);
    expect([ended.size, take(ended, 'news')]).toEqual([0, undefined]);
  });
});
