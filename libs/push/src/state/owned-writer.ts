import type { Backplane } from '../contracts/backplane.js';
import { PushError } from '../contracts/errors.js';
import { printPosition } from '../contracts/position.js';
import { expectNone, removalMeta } from '../contracts/state.js';
import type { Lease } from './lease.js';
import type { OwnedReader } from './owned-reader.js';
import { ownedBy } from './ownership.js';

/** Writes what this node owns, by compare and set. */
export class OwnedWriter {
  constructor(
    private readonly backplane: Pick<Backplane, 'append'>,
    private readonly lease: Pick<Lease, 'held' | 'incarnation'>,
    private readonly reader: Pick<OwnedReader, 'reached'>,
  ) {}

  /**
   * Stores the state of a topic in the name of this node, or of another one that owns it.
   *
   * @param expect the id of what is there; `undefined` for nothing
   * @returns its id, and by whom it was written; `undefined` if something else is there, which this node has read by then
   * @throws PushError `UNAVAILABLE`, `CLOSED`
   */
  async set(
    topic: string,
    data: string,
    expect: string | undefined,
    owner?: string,
  ): Promise<{ readonly id: string; readonly incarnation: string } | undefined> {
    const held = await this.lease.held();
    const incarnation = owner ?? held;
    const meta = ownedBy(incarnation, incarnation !== held);
    const draft = { topic, data, meta, expect: expect ?? expectNone };
    const id = await this.append(draft);
    return id === undefined ? undefined : { id, incarnation };
  }

  /**
   * Stores the state of a topic that no node owns.
   *
   * @param expect the id of what is there; `undefined` for nothing
   * @returns its id; `undefined` if something else is there, which this node has read by then
   * @throws PushError `UNAVAILABLE`
   */
  async put(topic: string, data: string, expect: string | undefined): Promise<string | undefined> {
    return this.append({ topic, data, expect: expect ?? expectNone });
  }

  /**
   * Removes the state of a topic.
   *
   * @returns whether that was there; if not, this node has read what is
   * @throws PushError `UNAVAILABLE`
   */
  async remove(topic: string, expect: string): Promise<boolean> {
    return (await this.append({ topic, data: 'null', meta: removalMeta, expect })) !== undefined;
  }

  private async append(draft: Parameters<Backplane['append']>[0]): Promise<string | undefined> {
    try {
      return printPosition(await this.backplane.append(draft));
    } catch (error) {
      if (!(error instanceof PushError) || error.code !== 'CONFLICT') throw error;
      if (error.currentId !== undefined) await this.reader.reached(error.currentId);
      return undefined;
    }
  }
}
