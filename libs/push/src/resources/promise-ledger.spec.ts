import { PromiseLedger } from './promise-ledger.js';

describe('PromiseLedger', () => {
  it('allows a path once per connection', () => {
    const ledger = new PromiseLedger(10, 10);
    const [one, other] = [{}, {}];
    expect(ledger.open(one, '/a', Infinity)).toBeUndefined();
    expect(ledger.open(one, '/a', Infinity)).toBe('promised');
    ledger.close(one);
    expect(ledger.open(one, '/a', Infinity)).toBe('promised');
    expect(ledger.open(other, '/a', Infinity)).toBeUndefined();
  });

  it('bounds how many are open, by its own limit and by the client’s', () => {
    const ledger = new PromiseLedger(10, 2);
    const session = {};
    expect(ledger.open(session, '/a', 1)).toBeUndefined();
    expect(ledger.open(session, '/b', 1)).toBe('concurrency');
    expect(ledger.open(session, '/b', 100)).toBeUndefined();
    expect(ledger.open(session, '/c', 100)).toBe('concurrency');
    ledger.close(session);
    expect(ledger.open(session, '/c', 100)).toBeUndefined();
    expect(ledger.open(session, '/d', 0)).toBe('concurrency');
  });

  it('forgets the oldest path when it may remember no more', () => {
    const ledger = new PromiseLedger(2, 10);
    const session = {};
    for (const path of ['/a', '/b', '/c']) expect(ledger.open(session, path, Infinity)).toBeUndefined();
    expect(ledger.open(session, '/b', Infinity)).toBe('promised');
    expect(ledger.open(session, '/a', Infinity)).toBeUndefined();
  });

  it('takes what a client has asked for as promised, if it is a resource of anybody’s', () => {
    const ledger = new PromiseLedger(2, 10);
    const [one, other] = [{}, {}];
    expect(ledger.isResource('/a')).toBe(false);
    ledger.open(one, '/a', Infinity);
    expect(ledger.isResource('/a')).toBe(true);
    ledger.note(other, '/a');
    expect(ledger.open(other, '/a', Infinity)).toBe('promised');
    for (const path of ['/b', '/b', '/c']) ledger.note(other, path);
    expect(ledger.open(other, '/a', Infinity)).toBeUndefined();
  });
});
