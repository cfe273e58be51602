import type { Position } from '../contracts/position.js';
import { lagOf } from './lag.js';

const at = (sequence: number, epoch = 'e'): { readonly head: Position } => ({ head: { epoch, sequence } });
const server = (sequence: number, epoch = 'e') => ({ head: () => Promise.resolve({ epoch, sequence }) });

it('is what the server has and this node has not read', async () => {
  expect(await lagOf(server(7), at(5))).toBe(2);
  expect(await lagOf(server(7), at(7))).toBe(0);
});

it('is 0 if this node has read on while the server was asked, and without a server', async () => {
  expect(await lagOf(server(7), at(9))).toBe(0);
  expect(await lagOf({}, at(9))).toBe(0);
});

it('is not known before the log is, of another log, and if the server fails', async () => {
  expect(await lagOf(server(7), { head: undefined })).toBeUndefined();
  expect(await lagOf(server(7, 'another'), at(5))).toBeUndefined();
  expect(await lagOf({ head: () => Promise.reject(new Error('away')) }, at(5))).toBeUndefined();
});

it('does not ask a server that is away', async () => {
  let asked = 0;
  const stats = () => ({ waiting: 0, outages: 1, isAway: true });
  const head = () => {
    asked++;
    return Promise.resolve({ epoch: 'e', sequence: 7 });
  };
  expect(await lagOf({ head, stats }, at(5))).toBeUndefined();
  expect(asked).toBe(0);
});

it('is not known if the server does not answer, and a scrape does not wait for ever', async () => {
  expect(await lagOf({ head: () => new Promise(() => undefined) }, at(5))).toBeUndefined();
});
