import { TimeShare } from './time-share.js';

let now = 0;
const share = () => new TimeShare(() => now);

it('lets lists be made again when the time that the last ones took is half a percent of what has passed', () => {
  const lists = share();
  expect(lists.mayRun(false)).toBe(true);
  lists.take(20);
  now += 3_999;
  expect(lists.mayRun(false)).toBe(false);
  now += 1;
  expect(lists.mayRun(false)).toBe(true);
});

it('serves what is new at once, as long as it is not asked for again and again', () => {
  const lists = share();
  lists.take(20);
  expect(lists.mayRun(true)).toBe(true);
  lists.take(20);
  expect(lists.mayRun(true)).toBe(false);
});

it('does not wait for longer than ten seconds', () => {
  const lists = share();
  lists.take(1_000);
  now += 10_000;
  expect(lists.mayRun(false)).toBe(true);
});

it('takes the time that steps need, and passes on what they yield and return', () => {
  const lists = share();
  const steps = lists.timed(
    (function* () {
      now += 10;
      yield 7;
      now += 10;
      return 'done';
    })(),
  );
  expect(steps.next()).toEqual({ value: 7, done: false });
  // What happens between two steps is not the list's.
  now += 1_000;
  expect(steps.next()).toEqual({ value: 'done', done: true });
  now += 2_980;
  expect(lists.mayRun(false)).toBe(false);
  now += 10;
  expect(lists.mayRun(false)).toBe(true);
});
