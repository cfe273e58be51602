import { PushError } from '../contracts/errors.js';
import {
  callable,
  checkedElsewhere,
  checkOptions,
  milliseconds,
  number,
  refuse,
  type Checks,
} from '../contracts/option-checks.js';
import { mayRun } from '../contracts/reserved.js';
import type { RetentionRules } from '../contracts/retention.js';
import { assertTopic } from '../contracts/topic.js';
import type { RunOptions } from './run.js';

const idGrammar = /^[!-~]{1,128}$/;

const checks: Checks<RunOptions> = {
  id: (value, name) => {
    if (value === undefined || (typeof value === 'string' && idGrammar.test(value))) return;
    refuse(name, value, '1 to 128 visible ASCII characters; a UUID will do');
  },
  // Publishing checks it.
  type: checkedElsewhere,
  joinFor: number({ least: 0, most: 10_000, whole: false, of: 'milliseconds' }),
  join: callable('a function that makes one chunk of two, or returns undefined'),
  lease: number({ least: 1_000, most: 3_600_000, of: 'milliseconds' }),
  timeout: milliseconds,
  compact: callable('a function that makes the result of all chunks'),
};

/**
 * Checks how a run is to be done.
 *
 * @throws PushError `INVALID_OPTION`
 */
export function checkRun(factory: unknown, options: object): void {
  if (typeof factory !== 'function')
    refuse(
      'The factory of a run',
      factory,
      'a function that returns an async iterable: async function* () { … }',
    );
  checkOptions(options, checks);
}

/** @throws PushError `INVALID_TOPIC`; `INVALID_OPTION` for a topic that cannot have a run */
export function assertRunnable(topic: string, rules: Pick<RetentionRules, 'of'>): void {
  assertTopic(topic);
  if (!rules.of(topic).ends)
    throw new PushError(
      'INVALID_OPTION',
      `Runs are for finite topics, and ${topic} is none. Give a rule of "topics" that matches it finite: true.`,
    );
  if (!mayRun(topic))
    throw new PushError(
      'INVALID_OPTION',
      `${topic} leaves no room for the topic of its run: a run's topic has 31 tokens and 251 characters at most.`,
    );
}
