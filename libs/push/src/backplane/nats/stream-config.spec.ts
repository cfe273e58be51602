import { comparesTogether } from './stream-config.js';

describe('a NATS server', () => {
  it.each([
    ['2.9.10', false],
    ['2.9.20', false],
    ['2.9.21', true],
    ['2.9.21-beta.1', true],
    ['2.10.0', true],
    ['2.11.4', true],
    ['3.0.0', true],
    ['1.9.30', false],
    ['', false],
  ])('of version "%s" compares what is expected when all replicas store: %s', (version, expected) => {
    expect(comparesTogether(version, { num_replicas: 3 })).toBe(expected);
    expect(comparesTogether(version, { num_replicas: 1 })).toBe(true);
  });
});
