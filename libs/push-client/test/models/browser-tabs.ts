import type { Wire, Wires } from './wires.js';

type Listener = (event: { readonly data: unknown }) => void;

/** The broadcast channels and locks of a browser whose tabs are clients of one process. Nothing arrives until it is moved. */
export class BrowserTabs {
  private readonly channels = new Set<TabChannel>();
  private readonly locks = new Map<string, LockQueue>();

  constructor(private readonly wires: Wires) {}

  /** What a page finds in its global scope. */
  get globals(): object {
    const open = (name: string) => new TabChannel(name, this.channels, this.wires);
    return {
      BroadcastChannel: function (name: string) {
        return open(name);
      },
      navigator: { locks: { request: (...request: LockRequest) => this.lock(...request) } },
      location: { href: 'http://server/' },
    };
  }

  private lock(name: string, ...[options, granted]: LockArguments): Promise<unknown> {
    const queue = this.locks.get(name) ?? new LockQueue(this.wires);
    this.locks.set(name, queue);
    return granted ? queue.request(options as LockOptions, granted) : queue.request({}, options as Granted);
  }
}

/** One end of a broadcast channel. */
class TabChannel {
  private readonly listeners: Listener[] = [];
  private readonly wire: Wire;

  constructor(
    private readonly name: string,
    private readonly all: Set<TabChannel>,
    private readonly wires: Wires,
  ) {
    this.wire = wires.open();
    all.add(this);
  }

  addEventListener(_: 'message', listener: Listener): void {
    this.listeners.push(listener);
  }

  postMessage(message: unknown): void {
    if (!this.all.has(this)) throw new Error('This channel is closed.');
    for (const other of this.all) {
      if (other === this || other.name !== this.name) continue;
      const data: unknown = structuredClone(message);
      other.wire.send(() => other.listeners.forEach((listener) => listener({ data })));
    }
  }

  close(): void {
    this.all.delete(this);
    this.wires.close(this.wire);
  }
}

type Granted = () => unknown;
type LockArguments = [options: LockOptions | Granted, granted?: Granted];
type LockRequest = [name: string, ...LockArguments];

interface Claim {
  readonly grant: () => void;
  readonly steal: () => void;
}

/** The claims to one lock, as in Web Locks: the browser decides, and tabs learn that later. */
class LockQueue {
  private readonly waiting: Claim[] = [];
  private holder: Claim | undefined;

  constructor(private readonly wires: Wires) {}

  request({ signal, steal }: LockOptions, granted: Granted): Promise<unknown> {
    const there = this.wires.open();
    const back = this.wires.open();
    return new Promise((resolve, reject) => {
      const abort = () => {
        if (isGranted) return;
        reject(new Error('Aborted'));
        there.send(() => this.drop(claim));
      };
      let isGranted = false;
      const run = async () => {
        isGranted = true;
        await Promise.resolve(signal?.aborted ? undefined : granted()).then(resolve, reject);
        there.send(() => this.drop(claim));
      };
      const claim: Claim = {
        grant: () => back.send(() => void run()),
        steal: () => back.send(() => reject(new Error('Stolen'))),
      };
      signal?.addEventListener('abort', abort);
      there.send(() => this.claim(claim, steal));
    });
  }

  private claim(claim: Claim, steal?: boolean): void {
    if (steal) {
      this.holder?.steal();
      this.holder = undefined;
      this.waiting.unshift(claim);
    } else this.waiting.push(claim);
    this.grantNext();
  }

  private drop(claim: Claim): void {
    if (this.holder === claim) this.holder = undefined;
    const index = this.waiting.indexOf(claim);
    if (index >= 0) this.waiting.splice(index, 1);
    this.grantNext();
  }

  private grantNext(): void {
    if (this.holder) return;
    this.holder = this.waiting.shift();
    this.holder?.grant();
  }
}
