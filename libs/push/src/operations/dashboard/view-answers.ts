import type { Clients } from '../../clients/clients.js';
import { PushError } from '../../contracts/errors.js';
import type { Steps } from '../../hub/replay/stepped-work.js';
import { connectionList } from './connection-list.js';
import type { Look } from './look.js';
import type { NodeReport, NodeState } from './node-state.js';
import { Tail } from './tail.js';
import type { TimeShare } from './time-share.js';
import { TopicDetails, type DetailSources } from './topic-details.js';
import { topicList } from './topic-list.js';

/** How long a node answers after it was asked last, in milliseconds. Nodes that hold the stream ask every 5 s. */
const patience = 15_000;

/** How many nodes may hold streams of one view. A page has one, and for a moment another one when it comes back. */
const mostHolders = 8;

/** What answers are made of, and how they are sent. */
export interface NodeSources extends DetailSources {
  readonly state: NodeState;
  readonly clients: Clients;
  readonly share: TimeShare;
  /** Sends an event to the streams of a view that this node holds. @param data as JSON text */
  sendHere(view: string, type: string, data: string): void;
  /** As `sendHere`, to those of all nodes. */
  sendToAll(view: string, type: string, data: string): void;
  report(error: unknown): void;
}

/** What this node tells one view, for as long as some node holds its stream. */
export class ViewAnswers {
  private look: Look = {};
  /** Until when each node that holds a stream of the view is believed to do so, on the monotonic clock. */
  private readonly holders = new Map<string, number>();
  private tail: Tail | undefined;
  private details: TopicDetails | undefined;
  /** The parts that are new since they were sent last. */
  private readonly fresh = new Set<string>();
  private readonly busy = new Set<string>();
  private lastDetails = '';

  constructor(
    private readonly view: string,
    private readonly sources: NodeSources,
  ) {}

  /** Whether no node holds a stream of the view any more. */
  get isOver(): boolean {
    const now = performance.now();
    for (const [node, until] of this.holders) if (until < now) this.holders.delete(node);
    return this.holders.size === 0;
  }

  /** A node holds a stream of the view, which looks at this. */
  renew(node: string, look: Look, isNew: boolean): void {
    if (!this.holders.has(node) && this.holders.size >= mostHolders) return;
    this.holders.set(node, performance.now() + patience);
    if (isNew) this.send('past', this.sources.state.readPast());
    this.turnTo(look, isNew);
  }

  /** A node does not hold a stream any more. */
  release(node: string): void {
    this.holders.delete(node);
    if (!this.isServing) this.turnTo({ ...this.look, tail: undefined, topic: undefined }, false);
  }

  /** Tells it of this node, and what it looks at. */
  tick(report: NodeReport): void {
    this.send('node', { ...report, serving: this.isServing });
    this.answer();
  }

  stop(): void {
    this.holders.clear();
    this.turnTo({}, false);
  }

  private get isServing(): boolean {
    return this.holders.has(this.sources.state.id);
  }

  private turnTo(look: Look, isNew: boolean): void {
    const before = this.look;
    this.look = look;
    for (const part of ['connections', 'topics', 'topic'] as const)
      if (look[part] && (isNew || JSON.stringify(look[part]) !== JSON.stringify(before[part])))
        this.fresh.add(part);
    this.watchTail(this.isServing ? look.tail : undefined);
    this.watchTopic(this.isServing ? look.topic : undefined);
    if (this.fresh.size > 0) this.answer();
  }

  private watchTail(pattern: string | undefined): void {
    if (this.tail?.pattern === pattern) return;
    this.tail?.stop();
    this.tail =
      pattern === undefined
        ? undefined
        : new Tail(this.sources.hub, pattern, (report) => this.sendHere('tail', report));
  }

  private watchTopic(topic: string | undefined): void {
    if (this.details?.topic === topic) return;
    this.details?.stop();
    this.lastDetails = '';
    this.details = topic === undefined ? undefined : new TopicDetails(topic, this.sources);
  }

  private answer(): void {
    const { hub, clients, state } = this.sources;
    const { connections, topics } = this.look;
    if (connections)
      this.list('connections', connectionList(clients.all(), hub, connections), (list) =>
        this.send('connections', { node: state.id, ...list }),
      );
    if (topics && this.isServing)
      this.list('topics', topicList(hub, topics), (list) => this.sendHere('topics', list));
    if (this.details) this.describe(this.details);
  }

  /** Makes a list when the node has time for it. One that is under way is not begun again before it is there. */
  private list<List extends object>(
    part: 'connections' | 'topics',
    steps: Steps<List>,
    send: (list: List) => void,
  ): void {
    const { share, hub } = this.sources;
    if (this.busy.has(part) || !share.mayRun(this.fresh.has(part))) return;
    this.fresh.delete(part);
    this.run(part, this.look.look, async () => {
      const list = await hub.inTurns(share.timed(steps));
      // If the view has turned to something else meanwhile, that comes next.
      if (this.look[part] && !this.fresh.has(part)) send(list);
    });
  }

  private describe(details: TopicDetails): void {
    if (this.busy.has('topic')) return;
    this.fresh.delete('topic');
    this.run('topic', this.look.look, async () => {
      const text = JSON.stringify(await details.read());
      if (details !== this.details || text === this.lastDetails) return;
      this.lastDetails = text;
      this.sendHere('topic', JSON.parse(text) as object);
    });
  }

  private run(part: string, look: number | undefined, work: () => Promise<void>): void {
    this.busy.add(part);
    const done = () => {
      this.busy.delete(part);
      if (this.fresh.has(part) && !this.isOver) this.answer();
    };
    work()
      .catch((error: unknown) => this.refuse(part, look, error))
      .finally(done)
      .catch(this.sources.report);
  }

  private refuse(part: string, look: number | undefined, error: unknown): void {
    const isExpected = error instanceof PushError && error.expose;
    if (!isExpected) this.sources.report(error);
    if (error instanceof PushError && error.code === 'CLOSED') return;
    const { code, message } = isExpected ? error : new PushError('INTERNAL', 'The server failed.');
    this.sendHere('refused', { part, code, message }, look);
  }

  /** Tells the view, wherever its streams are. */
  private send(type: string, data: object): void {
    const others = [...this.holders.keys()].some((node) => node !== this.sources.state.id);
    const text = JSON.stringify(this.numbered(data));
    if (others) this.sources.sendToAll(this.view, type, text);
    else this.sources.sendHere(this.view, type, text);
  }

  /** Tells the streams that this node holds. */
  private sendHere(type: string, data: object, look = this.look.look): void {
    if (this.isServing) this.sources.sendHere(this.view, type, JSON.stringify(this.numbered(data, look)));
  }

  private numbered(data: object, look = this.look.look): object {
    return look === undefined ? data : { ...data, look };
  }
}
