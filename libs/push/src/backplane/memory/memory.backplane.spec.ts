import type { Tail } from '../../contracts/backplane.js';
import type { LogEvent } from '../../contracts/event.js';
import type { Position } from '../../contracts/position.js';
import { MemoryBackplane } from './memory.backplane.js';

/** A node that writes down what it is told. */
class Notes implements Tail {
  readonly lines: string[] = [];
  epoch = '';
  open({ epoch, sequence }: Position): void {
    this.epoch = epoch;
    this.lines.push(`open ${sequence}`);
  }
  deliver(event: LogEvent): void {
    this.lines.push(`${event.sequence} ${event.topic} ${event.type} ${event.data} ${event.except}`);
  }
  skip(sequence: number): void {
    this.lines.push(`skip ${sequence}`);
  }
  passBy(event: LogEvent): void {
    this.lines.push(`${event.id} ${event.topic} ${event.data}`);
  }
  control(message: string): void {
    this.lines.push(`control ${message}`);
  }
}

describe('MemoryBackplane', () => {
  it('opens its log and delivers what is appended, in order, before it resolves', async () => {
    const [backplane, notes] = [new MemoryBackplane(), new Notes()];
    backplane.start(notes);
    const positions = await Promise.all([
      backplane.append({ topic: 'a', data: '1' }),
      backplane.append({ topic: 'b', type: 't', data: '2', except: 'me' }),
    ]);
    expect(positions).toEqual([
      { epoch: notes.epoch, sequence: 1 },
      { epoch: notes.epoch, sequence: 2 },
    ]);
    expect(notes.lines).toEqual(['open 0', '1 a undefined 1 undefined', '2 b t 2 me']);
    await expect(backplane.health()).resolves.toMatchObject({ ready: true });
    await backplane.close();
    await backplane.close();
  });

  it('stores a message id once', async () => {
    const [backplane, notes] = [new MemoryBackplane(), new Notes()];
    backplane.start(notes);
    const append = () => backplane.append({ topic: 'a', data: '1', messageId: 'm' });
    expect(await append()).toEqual(await append());
    expect(await backplane.append({ topic: 'a', data: '1' })).toMatchObject({ sequence: 2 });
    expect(notes.lines).toHaveLength(3);
  });

  it('passes ephemeral events and control messages, without a place in the log', async () => {
    const [backplane, notes] = [new MemoryBackplane(), new Notes()];
    backplane.start(notes);
    await backplane.pass({ topic: 'a', data: '1' });
    await backplane.control('bye');
    expect(await backplane.append({ topic: 'a', data: '2' })).toMatchObject({ sequence: 1 });
    expect(notes.lines.slice(1, 3)).toEqual(['undefined a 1', 'control bye']);
  });

  it('is another log than the one before', () => {
    const epochs = Array.from({ length: 100 }, () => {
      const notes = new Notes();
      new MemoryBackplane().start(notes);
      return notes.epoch;
    });
    expect(new Set(epochs).size).toBe(100);
  });
});
