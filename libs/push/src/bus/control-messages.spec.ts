import { setImmediate as turn } from 'node:timers/promises';
import { MemoryBackplane } from '../backplane/memory/memory.backplane.js';
import { Hub } from '../hub/hub.js';
import { NodeLog } from '../hub/replay/node-log.js';
import { ControlMessages } from './control-messages.js';
import { ErrorReporter, type ErrorContext } from './error-reporter.js';
import { NodeTail } from './node-tail.js';

/** A node on a memory backplane. */
class Node {
  readonly reports: { readonly error: unknown; readonly context: ErrorContext }[] = [];
  readonly backplane = new MemoryBackplane();
  readonly messages = new ControlMessages(
    new ErrorReporter({ onError: (error, context) => this.reports.push({ error, context }) }),
  );
  private readonly hub = new Hub(
    new NodeLog({ rules: [], retention: { events: 1, age: 1_000 }, windowBytes: 10_000, emptyTopics: 1 }),
  );

  constructor() {
    new NodeTail(this.hub, this.messages).start(this.backplane);
  }

  async close(): Promise<void> {
    this.hub.close();
    await this.backplane.close();
  }
}

describe('Control messages of the backplane', () => {
  let node: Node;
  beforeEach(() => {
    node = new Node();
  });
  afterEach(() => node.close());

  it('reach every listener, in the order in which they were sent', async () => {
    const first: string[] = [];
    const second: string[] = [];
    node.messages.listen((message) => first.push(message));
    node.messages.listen((message) => second.push(message));
    await node.backplane.control('one');
    await node.backplane.control('two');
    expect(first).toEqual(['one', 'two']);
    expect(second).toEqual(['one', 'two']);
  });

  it('reach the other listeners when one throws, which is reported', async () => {
    const heard: string[] = [];
    const error = new Error('this listener is broken');
    node.messages.listen(() => {
      throw error;
    });
    node.messages.listen((message) => heard.push(message));
    await node.backplane.control('one');
    await node.backplane.control('two');
    expect(heard).toEqual(['one', 'two']);
    expect(node.reports).toEqual([
      { error, context: { stage: 'control' } },
      { error, context: { stage: 'control' } },
    ]);
  });

  it('are reported when the promise of a listener rejects', async () => {
    const error = new Error('this listener is broken');
    node.messages.listen(() => Promise.reject(error));
    await node.backplane.control('one');
    await turn();
    expect(node.reports).toEqual([{ error, context: { stage: 'control' } }]);
  });

  it('do not reach a listener that has ended, also if another one has just ended it', async () => {
    const heard: string[] = [];
    const ends: (() => void)[] = [];
    node.messages.listen((message) => {
      heard.push(`first ${message}`);
      ends.forEach((end) => end());
    });
    ends.push(node.messages.listen((message) => heard.push(`second ${message}`)));
    await node.backplane.control('one');
    await node.backplane.control('two');
    expect(heard).toEqual(['first one', 'first two']);
  });

  it('reach a function as often as it listens, and end one by one', async () => {
    const heard: string[] = [];
    const listener = (message: string) => heard.push(message);
    const end = node.messages.listen(listener);
    node.messages.listen(listener);
    await node.backplane.control('one');
    end();
    end();
    await node.backplane.control('two');
    expect(heard).toEqual(['one', 'one', 'two']);
  });
});
