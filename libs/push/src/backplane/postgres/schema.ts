import { schema } from '../../postgres/quoted.js';

/** How many tables the log is spread over, each with a stretch of time. They are used in turn, and emptied, not deleted from. */
export const slots = 8;

/** Changes when the tables or the functions change: nodes make them again then. */
export const schemaVersion = 1;

/** Between the parts of a text that stands for a list. JSON text has no such character, nor has a topic. */
export const separator = '\x1e';

/** The topic of an entry where the numbers jump: its body is the newest number before. No event has it. */
export const jumpTopic = ' ';

const partitions = Array.from(
  { length: slots },
  (_, slot) =>
    `CREATE TABLE IF NOT EXISTS ${schema}.log_${slot} PARTITION OF ${schema}.log FOR VALUES IN (${slot});`,
).join('\n');

/**
 * The tables. Rows of the log are inserted and never changed: what a transaction that stays open would keep on every page
 * is what changes. So the head is locked and not updated: the newest number is that of the newest entry.
 */
export const tables = `
-- One row. A node that stores locks it until its transaction ends. The epoch began after "start". "run" is when the server was started.
-- Events go to the tables of "slot", whose first is the one after "base", since "began" (milliseconds, as all times here).
CREATE TABLE IF NOT EXISTS ${schema}.head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch text NOT NULL,
  start bigint NOT NULL,
  run timestamptz NOT NULL,
  slot smallint NOT NULL,
  base bigint NOT NULL,
  began bigint NOT NULL
);

-- The slots that are in use. What the log had up to the lowest base is gone.
CREATE TABLE IF NOT EXISTS ${schema}.segments (
  slot smallint PRIMARY KEY,
  base bigint NOT NULL,
  began bigint NOT NULL
);

-- The entries. An empty topic is a health check, a space a jump of the numbers.
CREATE TABLE IF NOT EXISTS ${schema}.log (
  slot smallint NOT NULL,
  sequence bigint NOT NULL,
  topic text COLLATE "C" NOT NULL,
  stored bigint NOT NULL,
  body text NOT NULL,
  message_id text COLLATE "C",
  PRIMARY KEY (sequence, slot)
) PARTITION BY LIST (slot);
${partitions}
CREATE INDEX IF NOT EXISTS log_topic ON ${schema}.log (topic, sequence);
CREATE INDEX IF NOT EXISTS log_message_id ON ${schema}.log (message_id) WHERE message_id IS NOT NULL;

-- What became of the newest batches of each node, for the node that has not heard it.
CREATE TABLE IF NOT EXISTS ${schema}.batches (
  node bigint NOT NULL,
  number bigint NOT NULL,
  base bigint NOT NULL,
  stored bigint NOT NULL,
  verdicts text NOT NULL,
  PRIMARY KEY (node, number)
);

-- What outlives the log: states (s) and their removals (r), ends (e) and the removals of finite topics (f). Of a finite topic,
-- what was before "cleared" is taken away.
CREATE TABLE IF NOT EXISTS ${schema}.kept (
  topic text COLLATE "C" PRIMARY KEY,
  kind "char" NOT NULL,
  sequence bigint NOT NULL,
  stored bigint NOT NULL,
  body text NOT NULL,
  cleared bigint,
  expires bigint,
  rule text
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS kept_sequence ON ${schema}.kept (sequence);
CREATE INDEX IF NOT EXISTS kept_expires ON ${schema}.kept (expires) WHERE expires IS NOT NULL;

-- Up to where removals of states were dropped, by the pattern of their rule.
CREATE TABLE IF NOT EXISTS ${schema}.floors (
  rule text PRIMARY KEY,
  sequence bigint NOT NULL
);

-- Values that are taken once.
CREATE TABLE IF NOT EXISTS ${schema}.once (
  key text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL,
  expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS once_expires ON ${schema}.once (expires);
`;
