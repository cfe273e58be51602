import { PushError } from './errors.js';

describe('A PushError', () => {
  it('of a conflict is answered 409, is not retried, and names the event that is there', () => {
    const error = new PushError('CONFLICT', 'Another one was faster.', { currentId: 'e-7' });
    expect(error).toMatchObject({ status: 409, expose: true, retryable: false, currentId: 'e-7' });
    expect('currentId' in new PushError('CONFLICT', 'There is none.')).toBe(false);
  });
});
