/** What the codes that are counted mean, and what an operator can do. */

const refusals = {
  UNAUTHENTICATED:
    'No valid login, or it has expired. Many at once: has a key or the clock of an issuer changed?',
  FORBIDDEN:
    'No rule or policy grants the topic. The client asks for what it may not read, or a rule is missing.',
  LIMIT_EXCEEDED:
    'A limit is reached: connections, subscriptions, messages in a time. The option limits has them.',
  INVALID_MESSAGE: 'A message that does not follow the protocol, or that the payload class refuses.',
  INVALID_TOPIC: 'What the client asked for is no topic or pattern.',
  INVALID_TYPE: 'A client published an event with a type that is not allowed.',
  DATA_TOO_LARGE: 'A client published more than maxEventBytes.',
  DATA_NOT_SERIALIZABLE: 'Data that is not JSON.',
  CONFLICT: 'The topic had changed: a publication with expect came too late.',
  ENDED: 'The topic has ended.',
  TOO_SLOW: 'The client read too slowly, and the policy of the topic is to disconnect it.',
  SNAPSHOT_FAILED: 'A @PushSnapshot() method failed or took too long. The log has the error.',
  UNAVAILABLE: 'The backplane is away, or the node is busy. Clients come back later.',
  CLOSED: 'The node is shutting down. Clients come back to another one.',
  WRONG_ADAPTER: 'The adapter of the application cannot carry push.',
  INVALID_OPTION: 'An option makes no sense.',
  INTERNAL: 'An unexpected failure. The log of the node has the error.',
};

const gaps = {
  slow: 'Clients read too slowly: events were dropped before they took them.',
  evicted: 'Clients were away for longer than the retention of their topics.',
  epoch: 'Clients came back with ids of another log: it was restarted, flushed or replaced.',
  future: 'Ids from after the end of the log: the backplane was restored from a backup.',
  malformed: 'Clients came back with something that is no id.',
};

const stages = {
  authenticate: 'The authenticator of the application failed.',
  policy: 'A topic policy, or an access function, failed.',
  handler: 'A handler of events failed.',
  message: 'What handles the messages of clients failed.',
  stream: 'An @Sse() route failed.',
  history: 'Older events could not be read from the backplane.',
  snapshot: 'A @PushSnapshot() method failed.',
  presence: 'Who is present could not be kept.',
  lease: 'The node could not keep its lease: the others may take it for gone.',
  outbox: 'The relay of the outbox does not work.',
};

const meaningIn = (meanings, code) => (Object.hasOwn(meanings, code) ? meanings[code] : '');

/** What it means that a client was refused with this code. */
export function meaningOfRefusal(code) {
  return meaningIn(refusals, code);
}

/** Why clients were told of a gap. */
export function meaningOfGap(reason) {
  return meaningIn(gaps, reason);
}

/** What failed, in this stage. */
export function meaningOfError(stage) {
  return meaningIn(stages, stage) || 'The log of the node has the error.';
}
