import { jest } from '@jest/globals';
import { Accounts } from './accounts.js';
import { limitsOf } from './limits.js';

const limits = limitsOf({
  subscribe: { perSecond: 1, burst: 10 },
  work: { perSecond: 100, burst: 1_000 },
});

let accounts: Accounts;

beforeEach(() => {
  jest.useFakeTimers();
  accounts = new Accounts(limits);
});

afterEach(() => jest.useRealTimers());

/** The promises that are settled by now have told so. */
const settled = () => Promise.resolve().then(() => undefined);

describe('accounts', () => {
  it('are one for a principal, and one for an address: of a /64 with IPv6', () => {
    expect(accounts.ofPrincipal('ann')).toBe(accounts.ofPrincipal('ann'));
    expect(accounts.ofPrincipal('192.0.2.1')).not.toBe(accounts.ofAddress('192.0.2.1'));
    expect(accounts.ofAddress('2001:db8::1')).toBe(accounts.ofAddress('2001:db8::2'));
    expect(accounts.ofAddress('2001:db8::1')).not.toBe(accounts.ofAddress('2001:db8:0:1::1'));
  });

  it('that nobody uses are kept until they are as good as new, and no longer', () => {
    const account = accounts.ofPrincipal('ann');
    account.spend(500);
    accounts.release(account);
    expect(accounts.size).toBe(1);
    jest.advanceTimersByTime(4_000);
    expect(accounts.ofPrincipal('ann')).toBe(account);
    accounts.release(account);
    jest.advanceTimersByTime(2_000);
    expect(accounts.size).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('of which nothing is used are forgotten at once', () => {
    const account = accounts.ofAddress('192.0.2.1');
    account.restore(account.lend());
    accounts.release(account);
    expect(accounts.size).toBe(0);
  });

  it('do not grow without bound, however many addresses and users come and go', () => {
    for (let n = 0; n < 30_000; n++) {
      const account = n % 2 ? accounts.ofPrincipal(`${n}`) : accounts.ofAddress(`192.0.${n >> 8}.${n & 255}`);
      account.spend(1_000);
      accounts.release(account);
    }
    expect(accounts.size).toBeLessThanOrEqual(10_000);
    jest.advanceTimersByTime(11_000);
    expect(accounts.size).toBe(0);
  });

  it('that a connection still uses are never dropped', () => {
    const held = accounts.ofPrincipal('ann');
    held.spend(1_000);
    for (let n = 0; n < 20_000; n++) {
      const account = accounts.ofPrincipal(`${n}`);
      account.spend(1_000);
      accounts.release(account);
    }
    expect(accounts.ofPrincipal('ann')).toBe(held);
  });
});

describe('the meters of an account', () => {
  it('go on to the next connection, the one that was left first in front', () => {
    const account = accounts.ofAddress('192.0.2.1');
    const [one, other] = [account.lend(), account.lend()];
    expect(one).not.toBe(other);
    one.of('subscribe').take(10);
    other.of('subscribe').take(5);
    account.restore(one);
    account.restore(other);
    expect([account.lend(), account.lend()]).toEqual([one, other]);
    expect(one.of('subscribe').take()).toBe(false);
  });

  it('are no more than there were connections at a time', () => {
    const account = accounts.ofAddress('192.0.2.1');
    const seen = new Set<object>();
    for (let n = 0; n < 100; n++) {
      const meter = account.lend();
      meter.of('subscribe').take();
      seen.add(meter);
      account.restore(meter);
    }
    expect(seen.size).toBe(1);
  });

  it('are forgotten once they are full', () => {
    const account = accounts.ofAddress('192.0.2.1');
    const meter = account.lend();
    meter.of('subscribe').take(10);
    account.restore(meter);
    expect(account.untilFull).toBe(10_000);
    jest.advanceTimersByTime(10_000);
    expect(account.untilFull).toBe(0);
    account.restore(account.lend());
    accounts.release(account);
    expect(accounts.size).toBe(0);
  });
});

describe('the work of an account', () => {
  it('may be more than there is budget, and then waits until that is paid for', () => {
    const account = accounts.ofPrincipal('ann');
    account.spend(1_000);
    expect([account.delay, account.ready()]).toEqual([0, undefined]);
    account.spend(200);
    expect(account.delay).toBe(2_000);
    jest.advanceTimersByTime(2_000);
    expect(account.delay).toBe(0);
  });

  it('goes on one by one, in order: what the first costs delays the next', async () => {
    const account = accounts.ofPrincipal('ann');
    account.spend(1_100);
    const done: number[] = [];
    const go = async (n: number) => {
      await account.ready();
      done.push(n);
      account.spend(100);
    };
    void Promise.all([1, 2, 3].map(go));
    await settled();
    expect(done).toEqual([]);
    for (const expected of [[1], [1, 2], [1, 2, 3]]) {
      jest.advanceTimersByTime(999);
      await settled();
      expect(done).toHaveLength(expected.length - 1);
      jest.advanceTimersByTime(1);
      await settled();
      expect(done).toEqual(expected);
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is not forgotten while somebody waits for it', () => {
    const account = accounts.ofPrincipal('ann');
    account.spend(1_100);
    void account.ready();
    accounts.release(account);
    jest.advanceTimersByTime(500);
    expect(accounts.ofPrincipal('ann')).toBe(account);
  });

  it('without a limit never waits', () => {
    const free = new Accounts(limitsOf({ work: { perSecond: Infinity, burst: Infinity } })).ofPrincipal(
      'ann',
    );
    free.spend(1e12);
    expect([free.delay, free.untilFull, free.ready()]).toEqual([0, 0, undefined]);
  });
});
