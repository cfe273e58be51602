import type { OneTimeStore } from '../../contracts/backplane.js';
import { PushError } from '../../contracts/errors.js';
import type { Keys } from './keys.js';
import type { RedisLink } from './redis-link.js';
import type { RedisClient } from './script.js';

/** One-time values as keys that expire: `GETDEL` gives each of them to one node. */
export class RedisOneTimeStore implements OneTimeStore {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
  ) {}

  async put(key: string, value: string, milliseconds: number): Promise<void> {
    await this.run((client) => client.set(this.keys.once(key), value, 'PX', Math.ceil(milliseconds)));
  }

  async take(key: string): Promise<string | undefined> {
    return (await this.run((client) => client.getdel(this.keys.once(key)))) ?? undefined;
  }

  private async run<T>(command: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await this.link.run(command);
    } catch (cause) {
      throw new PushError('UNAVAILABLE', 'Redis did not answer. Try again later.', { cause });
    }
  }
}
