import { JetStreamApiCodes } from '@nats-io/jetstream';
import { createInbox, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { patience } from './nats-link.js';

/** The header that names the last removal of a finite topic before a message. */
export const removedHeader = 'Push-Removed';

/** The newest message of the stream never has this id. */
const impossibleId = 'none has this id';

/** The server's code for a newest message that has another id. */
const wrongLastId = 10_070;

/** What is to be stored. */
export interface Message {
  readonly subject: string;
  readonly body: string;
  /** By which the server knows it again. */
  readonly id: string;
  /** The sequence that the newest message of the subject has to have; 0 for none. */
  readonly expected?: number;
  /** The sequence of the topic's last removal; 0 for none. */
  readonly removed?: number;
  /** It is not to be stored, whatever there is: asks whether the server has it. */
  readonly isQuestion?: boolean;
}

/** The newest message of the subject was not the expected one, and nothing was stored. */
export class WrongSequence extends Error {
  /** @param current its sequence; 0 if there is none */
  constructor(readonly current: number) {
    super(`the newest message is ${current}`);
  }
}

/** The server does not have a message that was sent as a question, and has not stored it. */
export class NotThere extends Error {}

/** What the server says of a message that it has. */
export interface Stored {
  readonly seq: number;
  /** It had it already. */
  readonly duplicate?: boolean;
}

interface ApiError {
  readonly err_code?: number;
  readonly description?: string;
}

/** Messages that were sent together, and what is known of each. */
interface Flight {
  readonly results: (Stored | Error | undefined)[];
  left: number;
  readonly land: () => void;
}

/**
 * Publishes to a stream, on one connection. JetStream's client does so too, with a timer and several promises for each
 * message: that is most of what publishing costs a node. Here they are for all that are sent together.
 */
export class NatsPublisher {
  private readonly inbox: string;
  private readonly flights = new Map<string, Flight>();
  private count = 0;

  constructor(
    readonly connection: NatsConnection,
    inboxPrefix: string | undefined,
  ) {
    this.inbox = createInbox(inboxPrefix);
    connection.subscribe(`${this.inbox}.>`, {
      callback: (error, message) => {
        if (!error) this.hear(message);
      },
    });
  }

  /** Sends messages in order. Resolves with what became of each, in that order, as soon as that is known. */
  async send(messages: readonly Message[]): Promise<(Stored | Error)[]> {
    const name = `${this.inbox}.${++this.count}`;
    const results: Flight['results'] = messages.map(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((land) => {
      const flight = { results, left: messages.length, land };
      this.flights.set(name, flight);
      timer = setTimeout(land, patience);
      messages.forEach((message, index) => this.publish(message, `${name}.${index}`, flight, index));
    });
    clearTimeout(timer);
    this.flights.delete(name);
    return results.map((result) => result ?? new Error(`no answer within ${patience} ms`));
  }

  private publish(
    { subject, body, id, expected, removed, isQuestion }: Message,
    reply: string,
    flight: Flight,
    index: number,
  ): void {
    const head = headers();
    head.set('Nats-Msg-Id', id);
    if (expected !== undefined) head.set('Nats-Expected-Last-Subject-Sequence', `${expected}`);
    if (isQuestion) head.set('Nats-Expected-Last-Msg-Id', impossibleId);
    if (removed) head.set(removedHeader, `${removed}`);
    try {
      this.connection.publish(subject, body, { headers: head, reply });
    } catch (error) {
      settle(flight, index, error as Error);
    }
  }

  private hear(message: Msg): void {
    const end = message.subject.lastIndexOf('.');
    const flight = this.flights.get(message.subject.slice(0, end));
    if (flight) settle(flight, Number(message.subject.slice(end + 1)), resultOf(message));
  }
}

function settle(flight: Flight, index: number, result: Stored | Error): void {
  if (flight.results[index]) return;
  flight.results[index] = result;
  if (--flight.left === 0) flight.land();
}

function resultOf(message: Msg): Stored | Error {
  if (message.data.length === 0) return new Error('no stream takes it');
  const { error, ...stored } = message.json<Stored & { error?: ApiError }>();
  if (!error) return stored;
  const { err_code: code, description = 'it was refused' } = error;
  // "wrong last sequence: 7"
  if (code === JetStreamApiCodes.StreamWrongLastSequence)
    return new WrongSequence(Number(/\d+$/.exec(description)?.[0] ?? 0));
  return code === wrongLastId ? new NotThere(description) : new Error(description);
}
