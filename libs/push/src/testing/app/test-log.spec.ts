import { Clock } from '../../contracts/clock.js';
import type { Window } from '../../hub/window/window.js';
import { MemoryLog } from '../memory-log.js';
import { RecordingTail } from '../recording-tail.js';
import { TestLog } from './test-log.js';
import { TestTime } from './test-time.js';

const time = new TestTime(new Clock(), { expire: () => undefined } as unknown as Window);
const retention = { of: () => ({ events: 10, age: 1_000 }), largest: { events: 10, age: 1_000 } };
const draft = { topic: 'news', data: '1' };
const query = { topics: ['news'], after: 0, through: 1, limit: 10 };

describe('A log that is unavailable', () => {
  it('refuses all that a backplane can do, and is as it was after that', async () => {
    const backplane = new MemoryLog().node();
    backplane.start(new RecordingTail(), retention);
    const own = () => Promise.resolve({ epoch: 'e', sequence: 7 });
    backplane.append = own;
    const log = new TestLog(backplane, time);
    log.unavailable();
    log.unavailable();
    const calls = () => [
      backplane.append(draft),
      backplane.sendEphemeral(draft),
      backplane.control('{}'),
      backplane.head!(),
      backplane.history!.page(query),
      backplane.oneTimeStore!.put('key', 'value', 1_000),
      backplane.oneTimeStore!.take('key'),
    ];
    const refused = await Promise.allSettled(calls());
    expect(
      refused.map((each) => each.status === 'rejected' && (each.reason as { code: string }).code),
    ).toEqual(refused.map(() => 'UNAVAILABLE'));
    expect(await backplane.health()).toMatchObject({ ready: false });
    log.available();
    log.available();
    await Promise.all(calls());
    expect(await backplane.health()).toMatchObject({ ready: true });
    expect(backplane.append).toBe(own);
    expect(Object.hasOwn(backplane, 'head')).toBe(false);
  });

  it('cannot be restarted unless it is in memory', () => {
    const log = new TestLog(new MemoryLog().node(), time);
    expect(() => log.restart()).toThrow('Only the log of the memory backplane can be restarted.');
  });
});
