import { LogEvent } from '../../contracts/event.js';
import { News } from './news.js';

const batch = (base: number, count = 1, epoch = 'e') => ({
  epoch,
  base,
  events: Array.from(
    { length: count },
    (_, index) => new LogEvent(epoch, base + index + 1, { topic: 'a', data: '1' }),
  ),
});

function newsOf(): News {
  const news = new News('17', new AbortController().signal);
  news.clear();
  return news;
}

describe('What is new for the reader of a node', () => {
  it('is unknown at first, and read', () => {
    expect(new News('17', new AbortController().signal).countAfter('e', 4)).toBe(Infinity);
  });

  it('is what it has stored itself, if nothing is between that and what it has', () => {
    const news = newsOf();
    news.store(batch(4, 2));
    news.store(batch(6));
    expect(news.take('e', 4)?.base).toBe(4);
    expect(news.take('e', 6)?.base).toBe(6);
    expect(news.take('e', 7)).toBeUndefined();
    expect(news.countAfter('e', 7)).toBe(0);
  });

  it('is read up to what it has stored itself, no further', () => {
    const news = newsOf();
    news.store(batch(9));
    expect(news.take('e', 4)).toBeUndefined();
    expect(news.countAfter('e', 4)).toBe(5);
    expect(news.take('e', 9)?.base).toBe(9);
  });

  it('is not what was read already, in whole or in part, nor what is of another log', () => {
    const news = newsOf();
    news.store(batch(4, 2));
    news.store(batch(6, 3));
    news.store(batch(7, 3, 'other'));
    expect(news.take('e', 7)).toBeUndefined();
    expect(news.countAfter('e', 7)).toBe(0);
  });

  it('is not told by its own notifications, nor by those of what it has', () => {
    const news = newsOf();
    expect(news.hear('n17 e-9')).toBe(true);
    expect(news.hear('n18 e-8')).toBe(true);
    expect(news.countAfter('e', 8)).toBe(0);
    expect(news.countAfter('e', 7)).toBe(Infinity);
    expect(news.countAfter('other', 8)).toBe(Infinity);
  });

  it.each(['n18 e-x', 'n18 ', 'n18 e-99999999999999999999'])('is unknown after %j', (payload) => {
    const news = newsOf();
    expect(news.hear(payload)).toBe(true);
    expect(news.countAfter('e', 7)).toBe(Infinity);
  });

  it.each(['', 'e1 a', 'c+1 n18 e-9', 'n'])('is not told by %j', (payload) => {
    const news = newsOf();
    expect(news.hear(payload)).toBe(false);
    expect(news.countAfter('e', 7)).toBe(0);
  });

  it('waits in a bounded number of batches: a reader that is late reads the rest', () => {
    const news = newsOf();
    for (let base = 0; base < 100; base++) news.store(batch(base));
    expect(news.take('e', 0)).toBeUndefined();
    expect(news.countAfter('e', 0)).toBe(92);
  });

  it('ends a wait, also if it comes before it, and is unknown after one that was too long', async () => {
    const news = newsOf();
    const waiting = news.wait(60_000);
    news.hear('n18 e-8');
    await waiting;
    expect(news.countAfter('e', 7)).toBe(Infinity);
    news.clear();
    await news.wait(1);
    expect(news.countAfter('e', 7)).toBe(Infinity);
  });
});
