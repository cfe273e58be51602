import { createParser } from 'eventsource-parser';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { connect, type SecureClientSessionOptions } from 'node:http2';
import { get as getSecure } from 'node:https';
import type { Readable } from 'node:stream';
import { WebSocket } from 'ws';
import type { NewsProcess } from './news-process.js';
import { eventually, Watched } from './watched.js';

const megabyte = 1024 * 1024;

/** The attack costs the server no more than this while it lasts, and when it is over only what the log may take. */
export async function assertSurvives(target: NewsProcess, attack: () => Promise<unknown>): Promise<void> {
  const { growth, left } = await Witness.watch(target, attack);
  assert.ok(growth < 192 * megabyte, `its memory grew by ${growth} bytes`);
  assert.ok(left < 16 * megabyte, `${left} bytes of its heap are left`);
}

/** What the server has to say after an attack. */
export interface Aftermath {
  /** By how much its memory grew at most, in bytes. */
  readonly growth: number;
  /** By how much its heap is larger now than before, everything that can go gone. */
  readonly left: number;
}

type Transport = 'websocket' | 'sse' | 'sse over HTTP/2';

const path = '/push/events?topic=news.tick';

/** Clients without a name are counted by address: what attackers have used up is not the witness's. */
const localAddress = '127.0.0.2';

/**
 * A client that behaves, over each transport, while others attack: it has to get every event, in order, on connections
 * that stay.
 */
export class Witness extends Watched {
  private readonly seen = new Map<Transport, unknown[]>();
  private readonly complaints: string[] = [];
  private readonly closing: (() => void)[] = [];
  private isDone = false;

  private constructor(private readonly target: NewsProcess) {
    super();
    void target.child.untilExit().then(() => this.complain(`The server has died:\n${target.child.output}`));
  }

  /** Watches the server while it is attacked, and returns what became of it. */
  static async watch(target: NewsProcess, attack: () => Promise<unknown>): Promise<Aftermath> {
    const witness = new Witness(target);
    try {
      await witness.connect();
      const before = await target.ask<{ used: number }>('heap');
      const { rss } = await target.ask<{ rss: number }>('tick');
      await witness.untilSeen(1);
      await attack();
      const { ticks, mostMemory } = await target.ask<{ ticks: number; mostMemory: number }>('untick');
      await witness.untilSeen(ticks);
      await witness.untilAlone();
      const left = await witness.leftOf(before.used);
      witness.verify(ticks);
      return { growth: mostMemory - rss, left };
    } finally {
      witness.close();
    }
  }

  private async connect(): Promise<void> {
    const { port, isSecure } = this.target;
    await Promise.all([
      this.listen(`${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}/push`),
      this.read(`${isSecure ? 'https' : 'http'}://127.0.0.1:${port}${path}`),
      isSecure && this.readOverHttp2(`https://127.0.0.1:${port}`),
    ]);
  }

  private async listen(url: string): Promise<void> {
    const socket = new WebSocket(url, { rejectUnauthorized: false, localAddress });
    this.closing.push(() => socket.terminate());
    const seen = this.seesOver('websocket');
    let isLive = false;
    socket.on('open', () => socket.send('{"event":"subscribe","data":{"topics":["news.tick"]}}'));
    socket.on('message', (bytes: Buffer) => {
      const { event, data } = JSON.parse(bytes.toString()) as { event: string; data: { data: unknown } };
      if (event === 'message') seen.push(data.data);
      else if (event === 'live') isLive = true;
      else if (!['hello', 'subscribed', 'heartbeat'].includes(event)) this.complain(bytes.toString());
      this.changed();
    });
    socket.on('error', (error) => this.complain(`WebSocket: ${error.message}`));
    socket.on('close', (code) => this.complain(`The WebSocket was closed with ${code}.`));
    await this.until(() => isLive || this.complaints.length > 0);
  }

  private async read(url: string): Promise<void> {
    const get = this.target.isSecure ? getSecure : getPlain;
    const request = get(url, { agent: false, rejectUnauthorized: false, localAddress });
    this.closing.push(() => request.destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await this.follow('sse', response);
  }

  private async readOverHttp2(url: string): Promise<void> {
    const session = connect(url, { rejectUnauthorized: false, localAddress } as SecureClientSessionOptions);
    this.closing.push(() => session.destroy());
    session.on('error', (error) => this.complain(`HTTP/2: ${error.message}`));
    await this.follow('sse over HTTP/2', session.request({ ':path': path }));
  }

  /** Resolves once the stream has begun. */
  private async follow(transport: Transport, stream: Readable): Promise<void> {
    const seen = this.seesOver(transport);
    let hasBegun = false;
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event === 'push.start') hasBegun = true;
        else if (event) this.complain(`${transport}: ${event} ${data}`);
        else seen.push((JSON.parse(data) as { data: unknown }).data);
        this.changed();
      },
    });
    stream.on('data', (bytes: Buffer) => parser.feed(bytes.toString()));
    stream.on('error', (error) => this.complain(`${transport}: ${error.message}`));
    stream.on('close', () => this.complain(`${transport}: the stream was ended.`));
    await this.until(() => hasBegun || this.complaints.length > 0);
  }

  private seesOver(transport: Transport): unknown[] {
    const seen: unknown[] = [];
    this.seen.set(transport, seen);
    return seen;
  }

  private async untilSeen(ticks: number): Promise<void> {
    await this.until(
      () => this.complaints.length > 0 || [...this.seen.values()].every((seen) => seen.length >= ticks),
    );
  }

  /** The attackers are gone, and the server has noticed. */
  private async untilAlone(): Promise<void> {
    await eventually(async () => {
      const { connections } = await this.target.ask<{ connections: number }>('stats');
      return connections <= this.seen.size || this.complaints.length > 0;
    });
  }

  /** What stays of the heap's growth; some of it goes when the last timers have run. */
  private async leftOf(before: number): Promise<number> {
    let left = Infinity;
    const deadline = Date.now() + 10_000;
    await eventually(async () => {
      const { used } = await this.target.ask<{ used: number }>('heap');
      left = Math.min(left, used - before);
      return left < 16 * 1024 * 1024 || Date.now() > deadline;
    });
    return left;
  }

  private verify(ticks: number): void {
    if (this.complaints.length > 0) throw new Error(this.complaints.join('\n'));
    const all = Array.from({ length: ticks }, (_, index) => index + 1).join();
    for (const [transport, seen] of this.seen)
      if (seen.join() !== all) throw new Error(`Over ${transport}, not 1 to ${ticks} but ${seen.join()}`);
  }

  private close(): void {
    this.isDone = true;
    this.closing.forEach((close) => close());
  }

  private complain(complaint: string): void {
    if (this.isDone) return;
    this.complaints.push(complaint);
    this.changed();
  }
}
