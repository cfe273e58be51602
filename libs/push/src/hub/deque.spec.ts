import { Deque } from './deque.js';

describe('Deque', () => {
  it('finds the first item behind a sequence, whatever was shifted', () => {
    const deque = new Deque<{ sequence: number }>();
    for (let sequence = 1; sequence <= 100; sequence++) deque.push({ sequence: sequence * 2 });
    for (let count = 0; count < 40; count++) deque.shift();
    expect(deque.length).toBe(60);
    expect(deque.first?.sequence).toBe(82);
    expect(deque.at(deque.after(100))?.sequence).toBe(102);
    expect(deque.at(deque.after(101))?.sequence).toBe(102);
    expect(deque.after(200)).toBe(60);
    expect(deque.after(0)).toBe(0);
  });
});
