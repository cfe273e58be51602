import { SilentPeers } from './silent-peers.js';

/** A kernel that says what it is told to say. */
class Kernel {
  /** How often all connections were asked for. */
  reads = 0;
  readonly connections = new Map<string, number>();
  private count: number | undefined = 0;

  retransmit(key: string): void {
    this.connections.set(key, (this.connections.get(key) ?? 0) + 1);
    this.count!++;
  }

  countNothing(): void {
    this.count = undefined;
  }

  async retransmitted(): Promise<string | undefined> {
    return this.count === undefined ? undefined : String(this.count);
  }

  async unacknowledged(): Promise<ReadonlyMap<string, number>> {
    this.reads++;
    return new Map(this.connections);
  }
}

describe('Peers that are silent', () => {
  it('are those that acknowledge nothing for so many looks, while the kernel retransmits', async () => {
    const kernel = new Kernel();
    const peers = new SilentPeers(kernel);
    expect(await peers.look(2)).toEqual([]);
    kernel.retransmit('a');
    expect(await peers.look(2)).toEqual([]);
    kernel.retransmit('a');
    expect(await peers.look(2)).toEqual([]);
    expect(await peers.look(2)).toEqual(['a']);
  });

  it('are not those that have acknowledged in between', async () => {
    const kernel = new Kernel();
    const peers = new SilentPeers(kernel);
    await peers.look(2);
    kernel.retransmit('a');
    await peers.look(2);
    kernel.connections.delete('a');
    await peers.look(2);
    kernel.retransmit('a');
    await peers.look(2);
    kernel.retransmit('a');
    expect(await peers.look(2)).toEqual([]);
    expect(await peers.look(2)).toEqual(['a']);
  });

  it('are not looked for among all connections while nothing is retransmitted and nobody is suspected', async () => {
    const kernel = new Kernel();
    const peers = new SilentPeers(kernel);
    for (let look = 0; look < 100; look++) await peers.look(2);
    expect(kernel.reads).toBe(0);
    kernel.retransmit('a');
    await peers.look(2);
    await peers.look(2);
    expect(kernel.reads).toBe(2);
    kernel.connections.delete('a');
    for (let look = 0; look < 100; look++) await peers.look(2);
    expect(kernel.reads).toBe(3);
  });

  it('are not looked for because of what was retransmitted before the first look, but found when that goes on', async () => {
    const kernel = new Kernel();
    const peers = new SilentPeers(kernel);
    kernel.retransmit('a');
    await peers.look(2);
    expect(kernel.reads).toBe(0);
    kernel.retransmit('a');
    await peers.look(2);
    kernel.retransmit('a');
    await peers.look(2);
    expect(await peers.look(2)).toEqual(['a']);
  });

  it('are looked for every time where the kernel does not count what it retransmits', async () => {
    const kernel = new Kernel();
    kernel.countNothing();
    const peers = new SilentPeers(kernel);
    for (let look = 0; look < 10; look++) await peers.look(2);
    expect(kernel.reads).toBe(10);
  });
});
