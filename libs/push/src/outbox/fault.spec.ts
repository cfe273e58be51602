import { PushError, type PushErrorCode } from '../contracts/errors.js';
import { faultOf } from './fault.js';
import { LeaseLost } from './relay-lease.js';

const refusal = (code: PushErrorCode, retryable?: boolean) => new PushError(code, 'Why.', { retryable });

describe('The error of an append', () => {
  it.each<[unknown, string, boolean]>([
    [refusal('INVALID_TOPIC'), 'refused', false],
    [refusal('DATA_TOO_LARGE'), 'refused', false],
    [refusal('ENDED'), 'refused', false],
    [refusal('CONFLICT'), 'refused', false],
    // A limit that does not pass with time would hold the topic for ever.
    [refusal('LIMIT_EXCEEDED', false), 'refused', false],
    [refusal('LIMIT_EXCEEDED'), 'held', false],
    [refusal('INTERNAL'), 'held', true],
    [new Error('Something.'), 'held', true],
    [refusal('UNAVAILABLE'), 'stop', true],
    [refusal('CLOSED'), 'stop', true],
    [new LeaseLost(), 'stop', false],
  ])('%s: the row is %s, and may be stored: %s', (error, kind, mayBeStored) => {
    expect(faultOf(error)).toEqual({ kind, mayBeStored });
  });
});
