import type { Notification } from 'pg';
import { PushError } from '../../contracts/errors.js';
import { backoff, within } from '../../contracts/backoff.js';
import type { LogNode } from '../kit/log-node.js';
import { Signals, type SignalKind } from '../kit/signals.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import { quoted } from '../../postgres/quoted.js';
import { Wake } from '../../postgres/wake.js';
import type { Names } from './names.js';
import type { News } from './news.js';

/** How often a node checks that it still hears what is said, and how long it waits for that, in milliseconds. */
const checkInterval = 3_000;
const patience = 5_000;

/** How many messages may wait to be sent, and how many are sent at once. */
const maxSending = 10_000;
const sentAtOnce = 100;

/** How many characters a notification carries: Postgres takes less than 8,000 bytes. */
const partLength = 2_400;

/** What a message begins with. */
const prefixes = { ephemeral: 'e', control: 'c' } as const;

/** A part of a message: its prefix, "+" if more follows, a number, and the text. */
const part = /^([ec])(\+?)\d+ ([^]*)$/;

/** A message that is to be sent. */
interface Sending {
  readonly parts: readonly string[];
  resolve(): void;
  reject(error: PushError): void;
}

/**
 * Signals by NOTIFY, on a connection that listens: events that were stored are announced there too. The parts of a long
 * message come from one transaction, so that no other one comes between them.
 */
export class PostgresSignals extends Signals {
  private readonly waiting: Sending[] = [];
  private isSending = false;
  private parts = '';
  private heard: (() => void) | undefined;
  private readonly own: string;
  private readonly lost: Wake;
  private opened!: () => void;
  private readonly isListening = new Promise<void>((resolve) => (this.opened = resolve));

  /** @param news is told of events that were stored */
  constructor(
    node: LogNode,
    private readonly asking: PostgresLink,
    private readonly listener: PostgresLink,
    private readonly names: Names,
    private readonly news: News,
  ) {
    super(node);
    this.own = names.channelOf(node.id);
    this.lost = new Wake(node.signal);
    node.signal.addEventListener('abort', () => this.opened(), { once: true });
    listener.onLost = () => this.lost.set();
  }

  listening(): Promise<void> {
    return this.isListening;
  }

  /** Listens, and checks that it hears, until the node's signal is aborted. */
  async run(): Promise<void> {
    const { signal, outage } = this.node;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.listen();
        outage.worked('listening');
        this.opened();
        // What was stored while this node did not listen.
        this.news.look();
        for (let isLost = false; !isLost && !signal.aborted; isLost = await this.lost.wait(checkInterval))
          await this.check();
        attempt = 0;
      } catch (error) {
        if (!signal.aborted) outage.failed('listening', error);
        await backoff(attempt, signal);
      }
    }
  }

  private async listen(): Promise<void> {
    this.lost.clear();
    await this.listener.run(async (client) => {
      client.removeAllListeners('notification').on('notification', (message) => this.hear(message));
      this.parts = '';
      // It says nothing for as long as it lives. What is lost while it is replaced is not said again.
      const stay = 'SET idle_session_timeout = 0';
      await client.query(`${stay}; LISTEN ${quoted(this.names.channel)}; LISTEN ${quoted(this.own)}`);
    });
  }

  /** Says something on the node's own channel, and waits for it. It counts as a command of the listener, which is replaced if it does not come. */
  private async check(): Promise<void> {
    const heard = new Promise<void>((resolve) => (this.heard = resolve));
    const said = this.asking.query('SELECT pg_notify($1, $2)', [this.own, '']);
    await within(patience, said, () => undefined);
    await this.listener.run(() => heard, patience);
  }

  private hear({ channel, payload = '' }: Notification): void {
    if (channel === this.own) {
      this.heard?.();
      return;
    }
    if (payload === '') {
      this.news.look();
      return;
    }
    if (this.news.hear(payload)) return;
    const [, kind, more, text] = part.exec(payload) ?? [];
    if (text === undefined) return;
    this.parts += text;
    if (more === '+') return;
    const message = this.parts;
    this.parts = '';
    this.receive(kind === prefixes.control ? 'control' : 'ephemeral', message);
  }

  protected send(kind: SignalKind, message: string): Promise<void> {
    if (!this.asking.isReady) return Promise.reject(this.notSent('Postgres cannot be reached'));
    if (this.waiting.length >= maxSending)
      return Promise.reject(this.notSent(`${maxSending} messages wait already`));
    return new Promise((resolve, reject) => {
      this.waiting.push({ parts: partsOf(prefixes[kind], message), resolve, reject });
      if (this.isSending) return;
      this.isSending = true;
      // Those of one turn of the event loop go together.
      setImmediate(() => {
        this.sendAll().catch((error: unknown) => this.node.outage.note(String(error)));
      });
    });
  }

  private async sendAll(): Promise<void> {
    // Nothing is stored, so that nothing has to be synced.
    const sql = `SELECT pg_notify($1, part) FROM set_config('synchronous_commit', 'off', true), unnest($2::text[]) AS parts(part)`;
    while (this.waiting.length > 0) {
      const messages = this.waiting.splice(0, sentAtOnce);
      try {
        await this.asking.query(sql, [this.names.channel, messages.flatMap(({ parts }) => parts)]);
        for (const { resolve } of messages) resolve();
      } catch (cause) {
        const why = 'It is not known whether it was sent: Postgres did not answer.';
        for (const { reject } of messages) reject(new PushError('UNAVAILABLE', why, { cause }));
      }
    }
    this.isSending = false;
  }
}

let count = 0;

/** Notifications for a message, each with a number of its own: Postgres drops what is equal in one transaction. */
function partsOf(prefix: string, message: string): string[] {
  const texts: string[] = [];
  for (let start = 0; start < message.length;) {
    let end = Math.min(start + partLength, message.length);
    // Two halves of a character stay together.
    if (end < message.length && /[\ud800-\udbff]/.test(message[end - 1]!)) end--;
    texts.push(message.slice(start, end));
    start = end;
  }
  if (texts.length === 0) texts.push('');
  return texts.map((text, index) => `${prefix}${index < texts.length - 1 ? '+' : ''}${count++} ${text}`);
}
