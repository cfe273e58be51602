import { randomBytes } from 'node:crypto';
import { LogEvent, type Draft } from '../../contracts/event.js';
import { endedError, isEnd } from '../../contracts/end.js';
import { parsePosition, printPosition } from '../../contracts/position.js';
import { conflictOf, expectNone, isRemoval } from '../../contracts/state.js';
import type { PendingAppend } from '../kit/append-queue.js';
import { Appender } from '../kit/appender.js';
import { noTopic } from '../kit/delivery-probe.js';
import { writeBody } from '../kit/event-body.js';
import type { LogNode } from '../kit/log-node.js';
import type { PostgresLink } from '../../postgres/postgres-link.js';
import { listed } from './entries.js';
import type { Names } from './names.js';
import type { PostgresLog } from './postgres-log.js';
import { separator } from './schema.js';

/** What one transaction stores at most: a few milliseconds, in which no other node can store. */
const batchLimits = { events: 1_024, bytes: 1024 * 1024 };

/** What there is to say of an event besides what it is: see `appendFunction`. */
type More = Record<string, string | number | boolean | undefined>;

/** Stores each batch with one call, which recognizes it by the node and the batch's number. */
export class PostgresAppender extends Appender {
  private tag = randomTag();

  constructor(
    node: LogNode,
    private readonly log: PostgresLog,
    private readonly link: PostgresLink,
    private readonly names: Names,
    private readonly remember: number,
  ) {
    super(node, batchLimits);
  }

  protected async store(batch: readonly PendingAppend[], number: number): Promise<void> {
    const { epoch } = this.log.current ?? (await this.log.open());
    const { rows } = await this.link.query<{ result: string | null }>(this.statement(batch, number, epoch));
    const result = rows[0]!.result;
    if (result === null) {
      await this.log.openAfresh();
      return;
    }
    const [base, time, verdicts = ''] = result.split(' ');
    const results = resultsOf(batch.length, Number(base), verdicts);
    this.tell(epoch, Number(base), Number(time), { batch, results });
    batch.forEach((append, index) => this.settle(append, epoch, results[index]!));
  }

  private settle(append: PendingAppend, epoch: string, { sequence, refusal }: Result): void {
    if (refusal === 'ended') append.reject(endedError(append.draft.topic));
    else if (refusal === 'conflict')
      append.reject(
        conflictOf(append.draft, sequence === undefined ? undefined : printPosition({ epoch, sequence })),
      );
    else append.resolve({ epoch: this.log.epochAt(sequence!), sequence: sequence! });
  }

  /** Notes what was stored, and hands it on to the reader. A probe is to come back by way of the server. */
  private tell(epoch: string, base: number, time: number, stored: Stored): void {
    const events: LogEvent[] = [];
    let hasProbe = false;
    stored.batch.forEach(({ draft }, index) => {
      const { sequence, isNew } = stored.results[index]!;
      if (isNew) events.push(new LogEvent(epoch, sequence!, draft));
      if (draft.topic === noTopic) hasProbe = true;
    });
    if (events.length === 0) return;
    this.log.saw(epoch, { sequence: base + events.length, time });
    if (hasProbe) this.log.news.look();
    else this.log.news.store({ epoch, base, events });
  }

  /**
   * The call, with its values in it. As one message without values it needs no other word of this node: a network that is cut in
   * the middle leaves no transaction that has locked the head and waits for its end.
   */
  private statement(batch: readonly PendingAppend[], number: number, epoch: string): string {
    const { schema, channel } = this.names;
    const topics = batch.map(({ draft }) => draft.topic).join(separator);
    const bodies = batch.map(({ draft }) => listed(writeBody(draft))).join(separator);
    const more = this.moreOf(batch, epoch);
    const values = [
      ...[
        this.literal(epoch),
        `x'${this.node.id}'::bigint`,
        number,
        this.literal(topics),
        this.literal(bodies),
      ],
      ...[
        more ? `${this.literal(JSON.stringify(more))}::jsonb` : 'NULL',
        this.remember,
        this.literal(channel),
      ],
    ];
    return `SELECT ${schema}.append(${values.join(', ')}) AS result`;
  }

  /** A text between two tags that it does not hold: nothing in it means anything to the server, whatever its settings. */
  private literal(text: string): string {
    while (text.includes(this.tag)) this.tag = randomTag();
    return `${this.tag}${text}${this.tag}`;
  }

  private moreOf(batch: readonly PendingAppend[], epoch: string): More[] | undefined {
    const all: More[] = [];
    const topics = new Map<string, number>();
    const ids = new Map<string, number>();
    batch.forEach(({ draft }, index) => {
      const { topic, messageId } = draft;
      const rule = this.ruleOf(draft);
      if (messageId === undefined && !rule && draft.expect === undefined) return;
      const more: More = { i: index + 1 };
      if (messageId !== undefined) {
        Object.assign(more, { d: messageId, p: ids.get(messageId) });
        ids.set(messageId, index + 1);
      }
      if (rule || draft.expect !== undefined) {
        if (!topics.has(topic)) topics.set(topic, topics.size + 1);
        // Without a rule there is nothing to compare with; what is expected is compared as for a state.
        const kind = rule ?? { k: 's' };
        Object.assign(more, { t: topics.get(topic), n: topic, ...kind, e: expectedIn(epoch, draft.expect) });
        if (isRemoval(draft)) more.r = true;
      }
      all.push(more);
    });
    return all.length > 0 ? all : undefined;
  }

  /** What the server has to know of the rule of a draft's topic; `undefined` for a plain topic. */
  private ruleOf(draft: Draft): More | undefined {
    const { state, ends, age } = this.node.retention.of(draft.topic);
    if (state) return { k: 's', ...(isRemoval(draft) && { l: lifeOf(state.tombstones) }), g: state.pattern };
    if (!ends) return undefined;
    // As long as the log has events from before a removal, it has to be known that they are taken away.
    if (isRemoval(draft)) return { k: 'f', l: lifeOf(Math.max(ends.tombstones, age)) };
    return isEnd(draft) ? { k: 'f', f: true, l: lifeOf(Math.max(ends.ttl, age)) } : { k: 'f' };
  }
}

/** What became of an event: where it is, or why it is not there. */
interface Result {
  readonly sequence?: number;
  readonly isNew?: boolean;
  readonly refusal?: 'conflict' | 'ended';
}

/** A batch, and what became of it. */
interface Stored {
  readonly batch: readonly PendingAppend[];
  readonly results: readonly Result[];
}

/** Reads the verdicts: see `appendFunction`. */
function resultsOf(count: number, base: number, verdicts: string): Result[] {
  const given = verdicts === '' ? [] : verdicts.split(',');
  const results: Result[] = [];
  let sequence = base;
  for (let index = 0; index < count; index++) {
    const verdict = given[index] ?? '';
    const value = verdict.slice(1);
    const other = () => results[Number(value) - 1]?.sequence;
    if (verdict === '') results.push({ sequence: ++sequence, isNew: true });
    else if (verdict.startsWith('s')) results.push({ sequence: Number(value) });
    else if (verdict.startsWith('d')) results.push({ sequence: other() });
    else if (verdict.startsWith('e')) results.push({ refusal: 'ended' });
    else if (verdict.startsWith('y')) results.push({ refusal: 'conflict', sequence: other() });
    else results.push({ refusal: 'conflict', sequence: value === '' ? undefined : Number(value) });
  }
  return results;
}

/** What is expected, as the function takes it. */
function expectedIn(epoch: string, expect: string | undefined): string | undefined {
  if (expect === undefined) return undefined;
  if (expect === expectNone) return '0';
  const position = parsePosition(expect);
  return position?.epoch === epoch && position.sequence > 0 ? `${position.sequence}` : '?';
}

/** A time in milliseconds as the functions take it; `undefined` for ever. */
function lifeOf(milliseconds: number): number | undefined {
  return milliseconds > 1e14 ? undefined : Math.ceil(milliseconds);
}

function randomTag(): string {
  return `$p${randomBytes(8).toString('hex')}$`;
}
