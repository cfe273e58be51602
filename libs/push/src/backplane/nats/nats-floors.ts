import { JetStreamApiCodes, jetstream, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { hasCode } from './api-error.js';
import { patience } from './nats-link.js';
import type { NatsBackplaneOptions } from './nats.options.js';
import type { Subjects } from './subjects.js';

/** Up to where events were purged by the nodes themselves. */
export interface Floors {
  /** Of topics that are no state topics: all that they had up to here. */
  readonly plain: number;
  /** By the pattern of a rule: the newest removal of its topics that was dropped. ">" stands for rules that are gone. */
  readonly rules: ReadonlyMap<string, number>;
}

/** How often a node tries to note something while others do. */
const mostAttempts = 10;

/**
 * Notes in the stream itself what is about to be purged, before it is: so what is missing is never missing silently. It is a
 * message of a reserved topic, which versions that know nothing of it take for an event that no wildcard means.
 */
export class NatsFloors {
  constructor(
    private readonly subjects: Subjects,
    private readonly options: NatsBackplaneOptions,
  ) {}

  async read({ streams }: Pick<JetStreamManager, 'streams'>): Promise<Floors> {
    return (await this.last(streams)).floors;
  }

  /** Raises floors. Returns whether this node did it: another one may have been faster, and has noted as much. */
  async raise(manager: JetStreamManager, connection: NatsConnection, wanted: Floors): Promise<boolean> {
    const client = jetstream(connection, { timeout: patience, ...this.options.jetstream });
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const { floors, sequence } = await this.last(manager.streams);
      const raised = higherOf(floors, wanted);
      if (!raised) return false;
      try {
        const expect = { lastSubjectSequence: sequence };
        await client.publish(this.subjects.floors, write(raised), { expect });
        return true;
      } catch (error) {
        if (!hasCode(error, JetStreamApiCodes.StreamWrongLastSequence)) throw error;
      }
    }
    throw new Error('other nodes raise the floors all the time');
  }

  private async last(streams: JetStreamManager['streams']): Promise<{ floors: Floors; sequence: number }> {
    const message = await streams.getMessage(this.subjects.stream, { last_by_subj: this.subjects.floors });
    return message
      ? { floors: read(message.string()), sequence: message.seq }
      : { floors: { plain: 0, rules: new Map() }, sequence: 0 };
  }
}

/** What an event's body is, so that other versions can read it. */
function write({ plain, rules }: Floors): string {
  return `\n${JSON.stringify({ plain, rules: [...rules] })}`;
}

function read(body: string): Floors {
  const { plain, rules } = JSON.parse(body) as { plain: number; rules: [string, number][] };
  return { plain, rules: new Map(rules) };
}

/** The higher one of each; `undefined` if none of `wanted` is higher. */
function higherOf(floors: Floors, wanted: Floors): Floors | undefined {
  const rules = new Map(floors.rules);
  let isHigher = wanted.plain > floors.plain;
  for (const [pattern, sequence] of wanted.rules) {
    if (sequence <= (rules.get(pattern) ?? 0)) continue;
    rules.set(pattern, sequence);
    isHigher = true;
  }
  return isHigher ? { plain: Math.max(floors.plain, wanted.plain), rules } : undefined;
}
