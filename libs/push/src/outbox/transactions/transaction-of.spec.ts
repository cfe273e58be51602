import { PushError } from '../../contracts/errors.js';
import { transactionOf, type OutboxTransaction } from './transaction-of.js';

const refusal = (tx: unknown): PushError => {
  try {
    transactionOf(tx as OutboxTransaction);
  } catch (error) {
    return error as PushError;
  }
  throw new Error('It was accepted.');
};

describe('transactionOf()', () => {
  it('runs statements with the query() of an object that no ORM made, with values of its own', async () => {
    const values = ['a', null] as const;
    const runner = transactionOf({
      query: (text, given) => Promise.resolve([text, given, given === (values as unknown)]),
    });
    expect(await runner.query('SELECT $1', values)).toEqual(['SELECT $1', ['a', null], false]);
  });

  it('rejects, and does not throw, when the statement cannot be sent', async () => {
    const runner = transactionOf({
      query: () => {
        throw new Error('released');
      },
    });
    await expect(runner.query('SELECT 1', [])).rejects.toThrow('released');
  });

  it('gives Knex a question mark for each value, in the order of the text', async () => {
    const trx = Object.assign(() => undefined, {
      isTransaction: true,
      queryBuilder: () => undefined,
      commit: () => undefined,
      raw: (text: string, values: unknown) => Promise.resolve([text, values]),
    });
    expect(await transactionOf(trx).query('SELECT $2::text, $1, $2', ['a', 'b'])).toEqual([
      'SELECT ?::text, ?, ?',
      ['b', 'a', 'b'],
    ]);
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a string', 'orders.1', 'string'],
    ['an object without query()', {}, 'an object without query()'],
    ['a function', () => undefined, 'function'],
  ])('refuses %s, and says what to pass', (_, tx, got) => {
    expect(refusal(tx)).toMatchObject({ code: 'INVALID_OPTION' });
    expect(refusal(tx).message).toContain(
      `got ${got}. Pass the object that you run the transaction's queries with`,
    );
  });

  it('refuses an EntityManager of MikroORM for a database without SQL', () => {
    const em = { isInTransaction: () => true, getTransactionContext: () => ({ inTransaction: () => true }) };
    expect(refusal(em).message).toContain('@mikro-orm/postgresql');
  });
});
