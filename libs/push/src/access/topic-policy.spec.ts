import { policyPatternOf, PushTopic } from './topic-policy.js';

function patternOf(pattern: string) {
  @PushTopic(pattern)
  class Policy {}
  return policyPatternOf(Policy)!;
}

describe('the pattern of a policy', () => {
  it.each([
    ['orders.:id', 'orders.42', { id: '42' }],
    ['orders.:id', 'orders.*', undefined],
    ['orders.:id', 'orders.>', undefined],
    ['orders.:id', 'orders.42.lines', undefined],
    ['orders.:id', 'orders', undefined],
    ['orders.*', 'orders.*', {}],
    ['orders.>', 'orders.*.lines', {}],
    ['users.:user.>', 'users.ann.>', { user: 'ann' }],
    ['users.:user.>', 'users.*.>', undefined],
    ['users.:user.>', 'users.>', undefined],
    [':a.:b', 'x.y', { a: 'x', b: 'y' }],
    [':a.*', 'x.*', { a: 'x' }],
    ['fixed', 'fixed', {}],
    ['a.:__proto__', 'a.b', { ['__proto__']: 'b' }],
  ])('%s and %s: %j', (pattern, topic, params) => {
    const found = patternOf(pattern).match(topic);
    expect(found && Object.entries(found)).toEqual(params && Object.entries(params));
  });

  it('is inherited', () => {
    @PushTopic('a.:b')
    class Base {}
    class Derived extends Base {}
    expect(policyPatternOf(Derived)?.pattern).toBe('a.*');
    expect(policyPatternOf(class {})).toBeUndefined();
  });
});
