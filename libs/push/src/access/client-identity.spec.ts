import { randomUUID } from 'node:crypto';
import { identityOf, isClientToken } from './client-identity.js';

const [ann, bob] = [{ id: 'ann' }, { id: 'bob' }];
const connection = randomUUID();

describe('the identity of a client', () => {
  it('is that of its first connection, on the next ones', () => {
    const first = identityOf(undefined, connection, ann);
    expect(isClientToken(first.token)).toBe(true);
    expect(first.token).toContain(connection);
    expect(identityOf(first.token, randomUUID(), ann)).toEqual(first);
    expect(identityOf(first.token, randomUUID(), { ...ann, role: 'admin' })).toEqual(first);
  });

  it("is its principal's alone: anybody else is somebody new", () => {
    const { id, token } = identityOf(undefined, connection, ann);
    const next = randomUUID();
    for (const other of [bob, undefined, { id: 'null' }]) {
      expect(identityOf(token, next, other)).toEqual(identityOf(undefined, next, other));
      expect(identityOf(token, connection, other).id).not.toBe(id);
    }
  });

  it.each([
    '',
    'x',
    '.',
    connection,
    `${connection}.`,
    `${connection}.${'A'.repeat(22)}`,
    'A'.repeat(100_000),
  ])('cannot be made up: %.40s', (token) => {
    const next = randomUUID();
    expect(identityOf(token, next, ann)).toEqual(identityOf(undefined, next, ann));
  });

  it('does not tell the token', () => {
    const { id, token } = identityOf(undefined, connection, ann);
    expect(token.replace(id, '')).toBe(`${connection}.`);
    expect(id).not.toContain(connection.slice(0, 8));
  });
});
