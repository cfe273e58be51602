import type { ServerMessage } from '../../src/protocol/messages.js';
import type { RequestMessage, SubscribeRequest } from '../../src/requests.js';
import { matcher } from '../../src/topics.js';
import type { WebSocketClass } from '../../src/transports/websocket-class.js';
import type { Wire, Wires } from './wires.js';

/** How many events a connection gets in one step. */
const stepSize = 3;

/** A server with one log, which does everything step by step. */
export class LogServer {
  /** The topics of all events. The id of an event is its place, from 1 on. */
  readonly topics: string[] = [];
  readonly connections = new Set<ServerConnection>();

  /** @param refuses whether it refuses a request for now. It refuses the topic `forbidden` for good */
  constructor(
    readonly wires: Wires,
    readonly refuses: () => boolean,
  ) {}

  /** The ids of what matches `pattern`. */
  ids(pattern: string): string[] {
    const matches = matcher(pattern);
    return this.topics.flatMap((topic, index) => (matches(topic) ? [`e-${index + 1}`] : []));
  }

  /** Lets one connection do a step. Returns whether there was anything to do. */
  step(): boolean {
    const busy = [...this.connections].filter(({ isBusy }) => isBusy);
    const one = busy[this.wires.below(busy.length)];
    one?.step();
    return one !== undefined;
  }

  /** The topics that each connection reads. */
  get subscriptions(): string[][] {
    return [...this.connections].map(({ topics }) => [...topics].sort());
  }

  /** The network closes all connections. @param isAtOnce whether what is on its way to the clients is lost */
  cut(isAtOnce: boolean): void {
    this.connections.forEach((each) => each.cut(isAtOnce));
  }

  /** Sends a heartbeat to all clients. */
  beat(): void {
    for (const each of this.connections) each.send({ event: 'heartbeat', data: {} });
  }

  /** The class of its WebSockets. */
  get WebSocket(): WebSocketClass {
    const connect = () => new ServerConnection(this);
    return class {
      private readonly connection = connect();
      addEventListener = (type: string, listener: (event: never) => void) =>
        this.connection.listeners.set(type, listener);
      send = (text: string) => this.connection.receive(JSON.parse(text) as RequestMessage);
      close = () => this.connection.close();
    };
  }
}

/** Topics on their way to the others of their connection. */
interface CatchUp {
  readonly ref: string;
  readonly topics: Set<string>;
  /** Its events up to here were sent. */
  at: number;
  hasBegun: boolean;
}

/** A WebSocket, and the server's end of it. */
class ServerConnection {
  readonly listeners = new Map<string, (event: never) => void>();
  private readonly there: Wire;
  private readonly back: Wire;
  /** The topics that have caught up, and how far their events were sent. */
  readonly topics = new Set<string>();
  private at = 0;
  private readonly catchUps: CatchUp[] = [];

  constructor(private readonly server: LogServer) {
    this.there = server.wires.open();
    this.back = server.wires.open();
    this.there.send(() => {
      server.connections.add(this);
      const limits = { maxMessageBytes: 1_000_000, maxTopics: 1_000, maxInnerWildcards: null };
      this.send({ event: 'hello', data: { connection: 'c', client: 'k', heartbeat: 1_000, limits } });
    });
  }

  receive(message: RequestMessage): void {
    this.there.send(() => this.handle(message));
  }

  send(message: ServerMessage): void {
    const data = JSON.stringify(message);
    this.back.send(() => this.listeners.get('message')!({ data } as never));
  }

  /** The client closes it. */
  close(): void {
    this.back.waiting.length = 0;
    this.there.send(() => this.server.connections.delete(this));
  }

  cut(isAtOnce: boolean): void {
    this.server.connections.delete(this);
    this.there.waiting.length = 0;
    if (isAtOnce) this.back.waiting.length = 0;
    this.back.send(() => this.listeners.get('close')!({ code: 1006, reason: '' } as never));
  }

  private handle({ event, data }: RequestMessage): void {
    if (event === 'subscribe') this.subscribe(data);
    else if (event === 'unsubscribe') this.unsubscribe(data.topics);
  }

  private subscribe({ topics, from, ref }: SubscribeRequest): void {
    if (topics.includes('forbidden')) return this.refuse('FORBIDDEN', ref);
    if (this.server.refuses()) return this.refuse('UNAVAILABLE', ref);
    if (this.topics.size === 0 && !this.catchUps[0]) this.at = this.server.topics.length;
    const at = from === 'now' ? this.at : from === 'earliest' ? 0 : Number(from.slice(2));
    this.catchUps.push({ ref, topics: new Set(topics), at, hasBegun: false });
  }

  private refuse(code: string, ref: string): void {
    this.send({ event: 'error', data: { ref, code, message: code, retryable: code === 'UNAVAILABLE' } });
  }

  private unsubscribe(topics: readonly string[]): void {
    for (const topic of topics) {
      this.topics.delete(topic);
      for (const catchUp of this.catchUps) catchUp.topics.delete(topic);
    }
    while (this.catchUps[0]?.topics.size === 0) this.finish(this.catchUps[0]);
  }

  get isBusy(): boolean {
    return this.catchUps.length > 0 || this.at < this.server.topics.length;
  }

  step(): void {
    const [first] = this.catchUps;
    if (!first) this.at = this.read(this.topics, this.at, this.server.topics.length);
    else if (first.at > this.at) this.at = this.read(this.topics, this.at, first.at);
    else if (!first.hasBegun) this.begin(first);
    else if (first.at < this.at) first.at = this.read(first.topics, first.at, this.at);
    else this.finish(first);
  }

  private begin(catchUp: CatchUp): void {
    catchUp.hasBegun = true;
    this.answer('subscribed', catchUp, catchUp.at);
  }

  private finish(catchUp: CatchUp): void {
    if (!catchUp.hasBegun) this.begin(catchUp);
    this.catchUps.shift();
    for (const topic of catchUp.topics) this.topics.add(topic);
    this.answer('live', catchUp, this.at);
  }

  private answer(event: 'subscribed' | 'live', { ref, topics }: CatchUp, at: number): void {
    this.send({ event, data: { ref, topics: [...topics], id: `e-${at}` } });
  }

  /** Sends some of what is after `at`. Returns how far that is. */
  private read(patterns: ReadonlySet<string>, at: number, through: number): number {
    const matchers = [...patterns].map(matcher);
    const end = Math.min(through, at + stepSize);
    for (let index = at; index < end; index++) {
      const topic = this.server.topics[index]!;
      if (matchers.some((matches) => matches(topic)))
        this.send({ event: 'message', data: { topic, id: `e-${index + 1}`, data: null } });
    }
    return end;
  }
}
