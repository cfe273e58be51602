import {
  Appender,
  DurableBackplane,
  LogReader,
  Signals,
  writeBody,
  conflictOf,
  isRemoval,
  type LogNode,
  type LogParts,
  type PendingAppend,
  type SignalKind,
} from 'nestjs-push/backplane-kit';
import { parsePosition, printPosition } from 'nestjs-push';
import { FileHistory } from './file-history.js';
import { FileLog, type OpenFile } from './file-log.js';
import type { Entry } from './line-index.js';
import { FileOneTimeStore } from './file-one-time-store.js';

class FileAppender extends Appender {
  constructor(
    node: LogNode,
    private readonly log: FileLog,
  ) {
    super(node, { events: 512, bytes: 1024 * 1024 });
  }

  protected async store(batch: readonly PendingAppend[]): Promise<void> {
    const { epoch } = this.log.current ?? (await this.log.open());
    const left = batch.filter(({ settled }) => !settled);
    await this.log.write(
      left.map(({ draft, number }) => ({
        by: [this.node.id, number],
        messageId: draft.messageId,
        expect: expectedIn(epoch, draft.expect),
        removed: isRemoval(draft) || undefined,
        topic: draft.topic,
        body: writeBody(draft),
        at: Date.now(),
      })),
    );
    const { own, refused } = await this.log.upToDate();
    // In a file that took the place of this one, they are stored again.
    if (this.log.current?.epoch !== epoch) return;
    for (const append of left) {
      const sequence = own.get(append.number);
      if (sequence !== undefined) append.resolve({ epoch, sequence });
      if (!refused.has(append.number)) continue;
      const current = refused.get(append.number);
      const id = current === undefined ? undefined : printPosition({ epoch, sequence: current });
      append.reject(conflictOf(append.draft, id));
    }
    own.clear();
    refused.clear();
  }
}

/** What is expected, as a line has it. Nothing ends at -1. */
function expectedIn(epoch: string, expect: string | undefined): Entry['expect'] {
  if (expect === undefined || expect === 'none') return expect;
  const position = parsePosition(expect);
  return position?.epoch === epoch ? position.sequence : -1;
}

class FileSignals extends Signals {
  constructor(
    node: LogNode,
    private readonly log: FileLog,
  ) {
    super(node);
  }

  /** They are lines of the log: a node that reads it receives them. */
  listening(): Promise<void> {
    return Promise.resolve();
  }

  protected async send(signal: SignalKind, body: string): Promise<void> {
    try {
      await this.log.write([{ signal, body }]);
    } catch (error) {
      throw this.notSent(String(error));
    }
  }
}

class FileReader extends LogReader<OpenFile> {
  constructor(
    node: LogNode,
    protected override readonly log: FileLog,
    private readonly signals: FileSignals,
  ) {
    super(node, log);
  }

  protected async follow(): Promise<void> {
    for (let more = true; more && !this.node.signal.aborted;) {
      // First, so that no change between the two is missed.
      const changed = this.log.changed();
      const { lines, through } = await this.log.linesAfter(this.last);
      for (const { end, entry } of lines) {
        if (entry.topic !== undefined) this.take(end, entry.topic, entry.body!);
        else this.reach(end);
        if (entry.signal) this.signals.receive(entry.signal, entry.body!);
      }
      more = through > this.last;
      if (more) this.reach(through);
      this.log.saw(this.epoch!, { sequence: this.last });
      this.worked();
      await this.node.tail.congested();
      if (lines.length === 0) await changed;
    }
  }
}

/** A durable backplane on a file, for nodes of one machine. The file is never shortened: it is an example. */
export class FileBackplane extends DurableBackplane {
  override readonly keepsState = true;

  constructor(private readonly directory: string) {
    super('The file', { publishTimeout: 5_000 });
  }

  protected connect(node: LogNode): LogParts {
    const log = new FileLog(node, this.directory);
    const signals = new FileSignals(node, log);
    return {
      log,
      signals,
      appender: new FileAppender(node, log),
      reader: new FileReader(node, log, signals),
      history: new FileHistory(log, node.retention),
      oneTimeStore: new FileOneTimeStore(this.directory),
    };
  }
}
