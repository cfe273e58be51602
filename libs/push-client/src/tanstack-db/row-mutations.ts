import type { PushClient } from '../connect.js';
import { removeState } from '../state.js';
import type { RowMapping } from './row-mapping.js';
import type { StateRows } from './state-rows.js';

/** A change of a row, as the application has made it: a `PendingMutation` of TanStack DB. */
export interface RowMutation {
  readonly type: 'insert' | 'update' | 'delete';
  readonly original: object;
  readonly modified: object;
  readonly syncMetadata: RowMetadata;
  readonly collection: unknown;
}

/** What a collection knows of a row besides its data: the event that it was made of. */
interface RowMetadata {
  readonly topic?: string;
  readonly id?: string;
}

/** Publishes what an application changes in a collection, in order for each topic. */
export class RowMutations<Row extends object, Key extends string | number> {
  /** By topic, the last change that is under way. One that fails takes those with it that were made on top of it. */
  readonly #last = new Map<string, Promise<void>>();

  constructor(
    private readonly push: Pick<PushClient, 'publish'>,
    private readonly mapping: RowMapping<Row, Key>,
  ) {}

  /**
   * Publishes all changes of a transaction, each of a row by itself: some may be stored although others are refused.
   *
   * @returns once the collection has got back all that is stored
   * @throws the first error
   */
  async write(rows: StateRows<Row, Key>, mutations: readonly RowMutation[]): Promise<void> {
    const results = await Promise.allSettled(mutations.map(async (mutation) => this.#queue(rows, mutation)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
  }

  #queue(rows: StateRows<Row, Key>, mutation: RowMutation): Promise<void> {
    const topic = this.#topicOf(mutation);
    const before = this.#last.get(topic) ?? Promise.resolve();
    const change = before.then(() => this.#send(rows, topic, mutation));
    this.#last.set(topic, change);
    const forget = () => void (this.#last.get(topic) === change && this.#last.delete(topic));
    change.then(forget, forget);
    return change;
  }

  #topicOf({ type, modified, original, syncMetadata }: RowMutation): string {
    return syncMetadata.topic ?? this.mapping.topicOf((type === 'insert' ? modified : original) as Row);
  }

  #send(rows: StateRows<Row, Key>, topic: string, mutation: RowMutation): Promise<void> {
    const { type, modified, syncMetadata } = mutation;
    const { id = 'none' } = type === 'insert' ? {} : syncMetadata;
    return rows.change(topic, id, async (expect) => {
      if (type === 'delete') return removeState(this.push, topic, { expect });
      return (await this.push.publish(topic, this.mapping.toData(modified as Row), { expect }))!;
    });
  }
}
