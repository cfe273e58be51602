import { memberTopicOf } from '../contracts/reserved.js';
import type { PresenceRule } from './presence-rules.js';

/** A connection, as presence sees it. */
export interface PresentClient {
  /** Of the connection. */
  readonly id: string;
  /** Of the client, which is the same in its next connection. */
  readonly member: string;
  readonly user: string | undefined;
}

/** A client of this node in one topic, as it should be in the log, and as it was written there. */
export class OwnMember {
  readonly key: string;
  /** The ids of its connections here. */
  readonly connections = new Set<string>();
  /** What the client has set, as JSON text. */
  data: string | undefined;
  /** Whether it is only counted. */
  isCounted = false;
  /** Another node has it: the client has gone there. */
  isElsewhere = false;
  /** The newest event of it that this node knows to be its own; `undefined` if there is none. */
  id: string | undefined;
  /** What that event has, and who has written it; `undefined` if it is removed, or not written. */
  written: { readonly data: string; readonly incarnation: string } | undefined;
  /** Set while it is away, and not gone yet. */
  grace: NodeJS.Timeout | undefined;
  /** Set while it is written, or waits to be written again. */
  isBusy = false;

  constructor(
    readonly topic: string,
    readonly member: string,
    readonly user: string | undefined,
    readonly rule: PresenceRule,
  ) {
    this.key = memberTopicOf(topic, member);
  }

  /** Whether it is there: connected, or away for less than the grace. */
  get isHere(): boolean {
    return this.connections.size > 0 || this.grace !== undefined;
  }

  /** What the log should have, as JSON text; `undefined` for nothing. */
  get wanted(): string | undefined {
    if (!this.isHere || this.isElsewhere || this.isCounted) return undefined;
    return memberText(this.user, this.data);
  }

  /** Another node has written it, or it was removed: nothing of it is this node's any more. */
  disown(): void {
    this.id = undefined;
    this.written = undefined;
  }
}

/** The data of a member's event. @param data as JSON text */
export function memberText(user: string | undefined, data: string | undefined): string {
  const fields: string[] = [];
  if (user !== undefined) fields.push(`"user":${JSON.stringify(user)}`);
  if (data !== undefined) fields.push(`"data":${data}`);
  return `{${fields.join(',')}}`;
}
