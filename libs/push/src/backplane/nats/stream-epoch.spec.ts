import type { StreamInfo } from '@nats-io/jetstream';
import { epochOf, isCreated } from './stream-epoch.js';

/** What a server says of a stream that was created then. */
function streamOf(created: string, description?: string): StreamInfo {
  return { created, config: { description } } as StreamInfo;
}

describe('The epoch of a stream', () => {
  it('is not known while the server still creates the stream, which it says was in the year 1 (NATS 2.9.10)', () => {
    expect(isCreated(streamOf('0001-01-01T00:00:00Z'))).toBe(false);
    expect(isCreated(streamOf('2026-11-30T00:12:06.702019831Z'))).toBe(true);
  });

  it('is named by the time at which the stream was created, until another one began', () => {
    expect(epochOf(streamOf('2026-11-30T00:12:06.702019831Z'))).toEqual({
      epoch: '3arykeyd2za94hj',
      start: 0,
    });
    const later = streamOf('2026-11-30T00:12:06.702019831Z', 'nestjs-push: epoch abc_1f began at 17');
    expect(epochOf(later)).toEqual({ epoch: 'abc_1f', start: 17 });
  });
});
