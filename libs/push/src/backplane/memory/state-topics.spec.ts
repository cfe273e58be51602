import type { Draft } from '../../contracts/event.js';
import { removalMeta } from '../../contracts/state.js';
import { stateSuiteRules } from '../../testing/state-rules.js';
import { StateTopics } from './state-topics.js';

describe('The state topics of a log in memory', () => {
  let time = 0;
  let sequence = 0;

  function topics(bytes: number): StateTopics {
    const rules = { ...stateSuiteRules, state: { ...stateSuiteRules.state!, bytes } };
    return new StateTopics(rules, () => time);
  }

  /** What becomes of an event. */
  function take(states: StateTopics, topic: string, size: number, more: Partial<Draft> = {}) {
    return states.take({ topic, data: 'x'.repeat(size), ...more }, { epoch: 'e', sequence: ++sequence })
      ?.code;
  }

  const remove = (states: StateTopics, topic: string) => take(states, topic, 4, { meta: removalMeta });

  it('are bounded: no more state is taken, but removals and smaller states are', () => {
    const states = topics(10_000);
    for (let n = 0; n < 9; n++) expect(take(states, `state.${n}`, 400)).toBeUndefined();
    expect(take(states, 'state.9', 400)).toBe('LIMIT_EXCEEDED');
    expect(take(states, 'state.0', 1_500)).toBe('LIMIT_EXCEEDED');
    expect(take(states, 'plain', 100_000)).toBeUndefined();
    expect(take(states, 'state.0', 300)).toBeUndefined();
    expect(remove(states, 'state.1')).toBeUndefined();
    expect(take(states, 'state.9', 400)).toBeUndefined();
    expect(take(states, 'state.10', 400)).toBe('LIMIT_EXCEEDED');
  });

  it('hold no more removals than there is room for: the oldest are forgotten first', () => {
    const states = topics(10_000);
    expect(take(states, 'state.kept', 100)).toBeUndefined();
    for (let n = 0; n < 1_000; n++) expect(remove(states, `state.${n}`)).toBeUndefined();
    expect(states.size).toBeLessThan(20);
    expect(take(states, 'state.kept', 1, { expect: 'none' })).toBe('CONFLICT');
    expect(take(states, 'state.large', 8_000)).toBeUndefined();
    expect(states.size).toBe(2);
  });

  it('forget removals after their time, while others come', () => {
    const states = topics(1e9);
    for (let n = 0; n < 1_000; n++) {
      remove(states, `state.brief.${n}`);
      time += 10;
    }
    expect(states.size).toBeLessThan(100);
    sequence = 5_000;
    remove(states, 'state.brief.last');
    expect(take(states, 'state.brief.last', 1, { expect: 'e-5001' })).toBeUndefined();
    remove(states, 'state.brief.last');
    time += 500;
    expect(take(states, 'state.brief.last', 1, { expect: 'e-5003' })).toBe('CONFLICT');
  });
});
