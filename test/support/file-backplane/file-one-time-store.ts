import { PushError, type OneTimeStore } from 'nestjs-push';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One-time values as files: of all that rename a file, one succeeds. */
export class FileOneTimeStore implements OneTimeStore {
  constructor(private readonly directory: string) {}

  async put(key: string, value: string, milliseconds: number): Promise<void> {
    try {
      const path = this.pathOf(key);
      const draft = await this.draft();
      await writeFile(draft, `${Date.now() + milliseconds}\n${value}`);
      await rename(draft, path);
    } catch (cause) {
      throw new PushError('UNAVAILABLE', 'The value could not be written. Try again later.', { cause });
    }
  }

  async take(key: string): Promise<string | undefined> {
    const taken = await this.draft();
    try {
      await rename(this.pathOf(key), taken);
    } catch {
      return undefined;
    }
    const text = await readFile(taken, 'utf8');
    await rm(taken);
    const end = text.indexOf('\n');
    return Number(text.slice(0, end)) > Date.now() ? text.slice(end + 1) : undefined;
  }

  private async draft(): Promise<string> {
    await mkdir(join(this.directory, 'once'), { recursive: true });
    return join(this.directory, 'once', `.${randomBytes(8).toString('hex')}`);
  }

  private pathOf(key: string): string {
    return join(this.directory, 'once', Buffer.from(key).toString('base64url'));
  }
}
