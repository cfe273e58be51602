import { covers } from 'nestjs-push';
import { request, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { Watched } from './watched.js';

/** The data of what is published in trials of state. */
export interface Numbered {
  /** Different for each. */
  readonly n: number;
  readonly padding?: string;
}

/** The number of an event of a plain topic, or where the log was when a gap was told: up to there some may be missing. */
export type Told = { readonly n: number } | { readonly gap: number };

/** A connection that can be stopped and cut. */
interface Line {
  pause(): void;
  resume(): void;
  cut(): void;
}

interface Message {
  readonly id?: string;
  readonly topic?: string;
  readonly topics?: readonly string[];
  readonly data?: Numbered;
  readonly reset?: boolean;
  readonly message?: string;
}

/** The topic whose events say how far a client is. */
export const marks = 'marks';

/**
 * A client as PROTOCOL.md has it, over a real socket: it folds the state of topics out of what it gets, keeps the last id,
 * and resumes from it, on any node. Topics that are called `plain.…` are no state topics.
 */
export class FoldingClient extends Watched {
  /** The number of the newest event, by state topic. */
  readonly state = new Map<string, number>();
  /** Of plain topics, since it began without an id. */
  readonly plain = new Map<string, Told[]>();
  lastId: string | undefined;
  /** The newest mark that it got. */
  mark = 0;
  /** What must not have happened. */
  readonly problems: string[] = [];
  /** Resets that it was told of, with the id that it had then. */
  readonly resets: { readonly topics: readonly string[]; readonly before: string | undefined }[] = [];
  isStopped = false;
  /** The newest sequence of the log that its node has read. */
  head = (): number => 0;
  /** Of the node that it is or was connected to. */
  port: number | undefined;
  private line: Line | undefined;

  constructor(
    readonly transport: 'websocket' | 'sse',
    readonly patterns: readonly string[],
    private readonly start = 'last',
  ) {
    super();
  }

  get isConnected(): boolean {
    return this.line !== undefined;
  }

  /** Begins, or comes back with its last id. Without one it knows nothing, and forgets what came without ids. */
  connect(port: number): void {
    if (this.lastId === undefined) {
      this.state.clear();
      this.plain.clear();
    }
    this.port = port;
    this.line = this.transport === 'sse' ? this.openStream(port) : this.openSocket(port);
    if (this.isStopped) this.line.pause();
  }

  /** Reads nothing more. */
  stop(): void {
    this.isStopped = true;
    this.line?.pause();
  }

  /** Reads again. */
  go(): void {
    this.isStopped = false;
    this.line?.resume();
  }

  /** Its connection is cut. */
  drop(): void {
    this.line?.cut();
    this.line = undefined;
  }

  /** For people. */
  describe(): string {
    const { transport, patterns, lastId, mark, isStopped, isConnected } = this;
    const where = isStopped ? 'stopped' : isConnected ? 'connected' : 'away';
    return `${transport} of ${patterns.join(' ')}: ${where} at ${lastId}, mark ${mark}`;
  }

  private openSocket(port: number): Line {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/push`);
    const line = {
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      cut: () => socket.terminate(),
    };
    const from = this.lastId ?? this.start;
    socket.on('error', (error) => this.isUp(line) && this.fail(error.message));
    socket.on('close', (code) => this.isUp(line) && this.fail(`closed with ${code}`));
    socket.on('open', () => {
      socket.send(JSON.stringify({ event: 'subscribe', data: { topics: this.patterns, from } }));
      if (this.isStopped) socket.pause();
    });
    socket.on('message', (bytes: Buffer) => {
      if (!this.isUp(line)) return;
      const { event, data } = JSON.parse(bytes.toString()) as { event: string; data: Message };
      if (event !== 'hello' && event !== 'subscribed') this.take(event, data);
    });
    return line;
  }

  private openStream(port: number): Line {
    const query = new URLSearchParams({ from: this.start });
    for (const topic of this.patterns) query.append('topic', topic);
    const headers = this.lastId === undefined ? {} : { 'last-event-id': this.lastId };
    let response: IncomingMessage | undefined;
    const outgoing = request({
      port,
      host: '127.0.0.1',
      path: `/push/events?${query}`,
      headers,
      agent: false,
    });
    const line = {
      pause: () => void response?.pause(),
      resume: () => void response?.resume(),
      cut: () => void outgoing.destroy(),
    };
    outgoing.on('error', (error) => this.isUp(line) && this.fail(error.message));
    outgoing.on('close', () => this.isUp(line) && this.fail('the stream has ended'));
    outgoing.on('response', (incoming) => {
      response = incoming;
      if (incoming.statusCode !== 200) this.fail(`status ${incoming.statusCode}`);
      let rest = '';
      incoming.on('error', () => undefined);
      incoming.setEncoding('utf8').on('data', (text: string) => {
        if (!this.isUp(line)) return;
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) this.takeBlock(block);
      });
      if (this.isStopped) incoming.pause();
    });
    outgoing.end();
    return line;
  }

  private isUp(line: Line): boolean {
    return this.line === line;
  }

  private takeBlock(block: string): void {
    const fields = new Map(
      block.split('\n').map((line): [string, string] => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
      }),
    );
    const event = fields.get('event');
    const type = event === undefined ? 'message' : event.replace(/^push\./, '');
    const data = JSON.parse(fields.get('data') ?? '{}') as Message;
    this.take(fields.has('data') ? type : 'heartbeat', { ...data, id: fields.get('id') });
  }

  private take(event: string, message: Message): void {
    const { topic, id, data } = message;
    if (event === 'removed') this.state.delete(topic!);
    else if (event === 'gap') this.miss(message);
    else if (event === 'message' && topic === marks) this.mark = Math.max(this.mark, data!.n);
    else if (event === 'message' && topic!.startsWith('plain.')) this.note(topic!, data!.n);
    else if (event === 'message') this.state.set(topic!, data!.n);
    else if (event === 'error') this.fail(message.message!);
    this.lastId = id ?? this.lastId;
    this.changed();
  }

  private miss({ topics, reset }: Message): void {
    for (const pattern of topics!) {
      const isPlain = pattern === marks || pattern.startsWith('plain.');
      if (isPlain === (reset ?? false)) this.fail(`a gap of ${pattern} with reset ${reset}`);
      for (const topic of this.state.keys()) if (covers(pattern, topic)) this.state.delete(topic);
      for (const [topic, told] of this.plain) if (covers(pattern, topic)) told.push({ gap: this.head() });
    }
    if (reset) this.resets.push({ topics: topics!, before: this.lastId });
  }

  private note(topic: string, n: number): void {
    const told = this.plain.get(topic) ?? [];
    told.push({ n });
    this.plain.set(topic, told);
  }

  private fail(problem: string): void {
    this.problems.push(problem);
    this.changed();
  }
}
