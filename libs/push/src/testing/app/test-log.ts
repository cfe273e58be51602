import { MemoryBackplane } from '../../backplane/memory/memory.backplane.js';
import type { Backplane } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { TestTime } from './test-time.js';

const away = 'The log is not available: the test has said so.';
const refuse = () => Promise.reject(new PushError('UNAVAILABLE', away));

/** The log of the application, with the accidents that a test wants. */
export class TestLog {
  /** Puts back what it was before the log became unavailable. */
  private readonly repairs: (() => void)[] = [];

  /** @internal */
  constructor(
    private readonly backplane: Backplane,
    private readonly time: TestTime,
  ) {}

  /**
   * Drops all past events, as retention does when they are too old: who resumes from before is told of a gap. State stays, and so
   * do events of rules whose `retention.age` is infinite.
   */
  evict(): void {
    this.time.evict();
  }

  /**
   * Begins another log, empty, as a restart of the process does. Clients that are connected, and those that resume, are told of a
   * gap (`epoch`).
   *
   * @throws PushError `INVALID_OPTION` unless the application has the memory backplane
   */
  restart(): void {
    if (!(this.backplane instanceof MemoryBackplane))
      throw new PushError('INVALID_OPTION', 'Only the log of the memory backplane can be restarted.');
    this.backplane.restart();
  }

  /** From now on nothing can be published, and no history be read: all is refused with `UNAVAILABLE`. Clients stay. */
  unavailable(): void {
    if (this.repairs.length > 0) return;
    const { backplane } = this;
    const { history, oneTimeStore } = backplane;
    const detail = { ready: false, detail: away };
    this.replace(backplane, { append: refuse, sendEphemeral: refuse, control: refuse });
    this.replace(backplane, { health: () => Promise.resolve(detail) });
    if (backplane.head) this.replace(backplane, { head: refuse });
    if (history) this.replace(history, { page: refuse });
    if (oneTimeStore) this.replace(oneTimeStore, { put: refuse, take: refuse });
  }

  /** Ends that. */
  available(): void {
    for (const repair of this.repairs.splice(0)) repair();
  }

  private replace<Target extends object>(target: Target, methods: Partial<Target>): void {
    for (const name of Object.keys(methods)) {
      const own = Object.getOwnPropertyDescriptor(target, name);
      this.repairs.push(() =>
        own ? Object.defineProperty(target, name, own) : Reflect.deleteProperty(target, name),
      );
    }
    Object.assign(target, methods);
  }
}
