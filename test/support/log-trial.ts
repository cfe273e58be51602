import type { Backplane, PushError, RetentionRules } from 'nestjs-push';
import { startRecording, type RecordedNode } from 'nestjs-push/testing';
import assert from 'node:assert/strict';

/** Rules by which nothing is dropped. */
export const keepAll: RetentionRules = {
  of: () => ({ events: 100_000, age: 3_600_000 }),
  largest: { events: 100_000, age: 3_600_000 },
};

/** How many appends a publisher has on their way at a time. */
const parallel = 20;

interface Published {
  readonly publisher: number;
  readonly n: number;
}

/** Nodes that all publish to one log and all read it, while something happens to the servers or the network. */
export class LogTrial {
  readonly nodes: RecordedNode[] = [];
  /** What was acknowledged, by the id that it got. */
  readonly acknowledged = new Map<string, Published>();
  readonly rejected: PushError[] = [];
  private isPublishing = false;
  private publishers: Promise<void>[] = [];
  private counts: number[] = [];
  private readonly waiting = new Set<() => void>();

  /** Starts a node on `backplane`. */
  async join(backplane: Backplane): Promise<RecordedNode> {
    const node = await startRecording(backplane, keepAll);
    this.nodes.push(node);
    return node;
  }

  /** Begins to publish on all nodes. */
  publish(): void {
    this.isPublishing = true;
    this.publishers = this.nodes.flatMap(({ backplane }) =>
      Array.from({ length: parallel }, () => this.publishOn(backplane, this.counts.push(0) - 1)),
    );
  }

  /** Resolves when that many more events are acknowledged than are now. */
  async untilMore(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.acknowledged.size < wanted) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
    });
  }

  /** Stops publishing, and waits until every node has read the newest event of the log: so long at most. */
  async settle(milliseconds?: number): Promise<void> {
    this.isPublishing = false;
    await Promise.all(this.publishers);
    const last = await this.nodes[0]!.backplane.append({ topic: 'last', data: 'null' });
    for (const { tail } of this.nodes) {
      await tail.until(
        ({ events }) => events.at(-1)?.sequence === last.sequence && events.at(-1)?.epoch === last.epoch,
        milliseconds,
      );
    }
  }

  /**
   * What must hold in any case: within an epoch once, in order, and the same everywhere.
   *
   * @param isAmbiguous whether a server gave numbers again in this epoch, which ended when that was noticed
   */
  check(isAmbiguous: (epoch: string) => boolean = () => false): void {
    const known = new Map<string, string>();
    for (const { tail } of this.nodes) {
      const newest = new Map<string, number>();
      let last = { epoch: '', sequence: 0 };
      for (const event of tail.events) {
        if (event.epoch === last.epoch)
          assert.ok(event.sequence > last.sequence, `${event.id} is in order and no repeat`);
        last = event;
        if (!isAmbiguous(event.epoch)) {
          assert.equal(known.get(event.id!) ?? event.data, event.data, `${event.id} is the same everywhere`);
          known.set(event.id!, event.data);
        }
        if (event.topic === 'last') continue;
        const { publisher, n } = JSON.parse(event.data) as Published;
        const key = `${event.epoch} ${publisher}`;
        assert.ok(n > (newest.get(key) ?? -1), `${event.id} comes once, in the order it was published in`);
        newest.set(key, n);
      }
    }
  }

  /** What must hold when the log survived: nobody was told of a loss, and every node has everything. */
  checkComplete(): void {
    this.check();
    assert.deepEqual(
      this.rejected.map((error) => error.message),
      [],
    );
    for (const { tail } of this.nodes) {
      assert.equal(tail.opened.length, 1, `one log: ${JSON.stringify(tail.opened)}`);
      assert.deepEqual(tail.skipped, []);
      const ids = new Set(tail.events.map((event) => event.id));
      const missing = [...this.acknowledged.keys()].filter((id) => !ids.has(id));
      assert.deepEqual(missing, [], 'everything that was acknowledged is delivered');
      assert.equal(tail.events.length, this.acknowledged.size + 1, 'and nothing else');
    }
  }

  /**
   * What must hold when the log was lost: every node was told, once, and has everything that came then.
   *
   * @param givesNumbersAgain whether the server does: a node that knows of no loss may use them before it is told
   */
  checkReplaced({ givesNumbersAgain = false } = {}): void {
    const [first] = this.nodes[0]!.tail.opened;
    this.check((epoch) => givesNumbersAgain && epoch === first!.epoch);
    const epochs = this.nodes.map(({ tail }) => tail.opened.map(({ epoch }) => epoch));
    assert.equal(epochs[0]!.length, 2, `another log, once: ${JSON.stringify(epochs)}`);
    for (const each of epochs) assert.deepEqual(each, epochs[0]);
    const [, epoch] = epochs[0]!;
    for (const { tail } of this.nodes) {
      assert.deepEqual(tail.skipped, []);
      const ids = new Set(tail.events.map((event) => event.id));
      const missing = [...this.acknowledged.keys()].filter(
        (id) => id.startsWith(`${epoch}-`) && !ids.has(id),
      );
      assert.deepEqual(missing, [], 'everything that was acknowledged in the new log is delivered');
    }
  }

  /** For people: what happened. */
  describe(): string {
    const received = this.nodes.map(({ tail }) => tail.events.length - 1).join(', ');
    return `${this.acknowledged.size} acknowledged, ${this.rejected.length} rejected; received ${received}`;
  }

  async end(): Promise<void> {
    this.isPublishing = false;
    await Promise.all(this.nodes.map(({ backplane }) => backplane.close()));
    await Promise.all(this.publishers);
  }

  private async publishOn(backplane: Backplane, publisher: number): Promise<void> {
    for (let n = 0; this.isPublishing; n++) {
      const data = JSON.stringify({ publisher, n });
      try {
        const { epoch, sequence } = await backplane.append({ topic: `t.${publisher}`, data });
        this.acknowledged.set(`${epoch}-${sequence}`, { publisher, n });
      } catch (error) {
        this.rejected.push(error as PushError);
      }
      this.waiting.forEach((look) => look());
      // A pace that a test machine keeps up with while it does other things.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
