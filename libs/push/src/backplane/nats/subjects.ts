/** The subjects of one log. */
export class Subjects {
  /** What is stored: events, probes of health checks, and marks. */
  readonly stored: string[];
  readonly probe: string;
  /** A mark is stored now and then, so that the stream's oldest event is never much younger than the stream remembers. */
  readonly mark: string;
  /** Up to where nodes have purged events: a message of a reserved topic. */
  readonly floors: string;
  /** Not stored: ephemeral events, and control messages. */
  readonly pass: string;
  readonly control: string;
  private readonly events: string;

  constructor(readonly stream: string) {
    this.events = `${stream}.event.`;
    this.probe = `${stream}.probe`;
    this.mark = `${stream}.mark`;
    this.floors = this.of('$log.floors');
    this.pass = `${stream}.pass`;
    this.control = `${stream}.control`;
    this.stored = [`${this.events}>`, this.probe, this.mark];
  }

  /** The subject of a topic, or the subjects of a pattern: NATS has the same grammar. */
  of(topic: string): string {
    return this.events + topic;
  }

  /** The topic of an event's subject; `undefined` for the others. */
  topicOf(subject: string): string | undefined {
    return subject.startsWith(this.events) ? subject.slice(this.events.length) : undefined;
  }
}
