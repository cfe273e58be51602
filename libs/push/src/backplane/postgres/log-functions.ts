import { schema } from '../../postgres/quoted.js';
import { slots } from './schema.js';

/** How far numbers jump when the server is another process: what it may have lost is never given again. */
const jump = 16_777_216;

/** For how long it is known what became of the last batch of a node that is gone, in milliseconds. */
const remembered = 600_000;

/**
 * Opens the log, reads its newest entries, and empties its oldest tables.
 *
 * A server process has its own time of start: another one means a restart, a failover or a restored backup, after which the
 * newest entries may be missing, for a standby may lack them. The numbers jump then; and a node that knows an entry that the
 * server does not have makes it another log.
 */
export const logFunctions = `
-- The lowest number that the log may still have is the one after this.
CREATE OR REPLACE FUNCTION ${schema}.floor_of_log() RETURNS bigint LANGUAGE sql VOLATILE AS
  'SELECT coalesce(min(base), 0) FROM ${schema}.segments';

CREATE OR REPLACE FUNCTION ${schema}.newest_of_log() RETURNS bigint LANGUAGE sql VOLATILE AS
  'SELECT coalesce((SELECT sequence FROM ${schema}.log ORDER BY sequence DESC LIMIT 1),
    (SELECT base FROM ${schema}.head))';

-- Whether the log has the entry that a node knows of, or had it.
CREATE OR REPLACE FUNCTION ${schema}.has(p_sequence bigint, p_stored bigint) RETURNS boolean LANGUAGE sql VOLATILE AS
  'SELECT p_sequence <= ${schema}.floor_of_log() OR EXISTS (
    SELECT FROM ${schema}.log WHERE sequence = p_sequence AND stored = coalesce(p_stored, stored))';

CREATE OR REPLACE FUNCTION ${schema}.open(
  p_new text, p_epoch text, p_sequence bigint, p_stored bigint, p_channel text,
  OUT epoch text, OUT start bigint, OUT sequence bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  h ${schema}.head;
  clock bigint := extract(epoch FROM clock_timestamp()) * 1000;
  last bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'The role of nestjs-push needs default_transaction_isolation = ''read committed''.';
  END IF;
  SELECT * INTO h FROM ${schema}.head;
  IF NOT FOUND THEN
    INSERT INTO ${schema}.head VALUES (true, p_new, 0, pg_postmaster_start_time(), 0, 0, clock) ON CONFLICT DO NOTHING;
    SELECT * INTO h FROM ${schema}.head FOR UPDATE;
    INSERT INTO ${schema}.segments VALUES (h.slot, h.base, h.began) ON CONFLICT DO NOTHING;
  END IF;
  IF h.run <> pg_postmaster_start_time() OR (h.epoch = p_epoch AND NOT ${schema}.has(p_sequence, p_stored)) THEN
    SELECT * INTO h FROM ${schema}.head FOR UPDATE;
    last := ${schema}.newest_of_log();
    IF h.run <> pg_postmaster_start_time() THEN
      INSERT INTO ${schema}.log (slot, sequence, topic, stored, body) VALUES (h.slot, last + ${jump}, ' ', clock, last);
      last := last + ${jump};
      h.run := pg_postmaster_start_time();
    END IF;
    IF h.epoch = p_epoch AND NOT ${schema}.has(p_sequence, p_stored) THEN
      h.epoch := p_new;
      h.start := last;
    END IF;
    UPDATE ${schema}.head o SET epoch = h.epoch, start = h.start, run = h.run;
    PERFORM pg_notify(p_channel, '');
  END IF;
  epoch := h.epoch;
  start := h.start;
  sequence := ${schema}.newest_of_log();
END
$function$;

-- The entries after a number, in order. Nothing at all if the log is another one.
CREATE OR REPLACE FUNCTION ${schema}.read(
  p_epoch text, p_after bigint, p_entries int, p_bytes int,
  OUT sequences text, OUT topics text, OUT times text, OUT bodies text, OUT floor bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
BEGIN
  SELECT
      string_agg(e.sequence::text, ',' ORDER BY e.sequence), string_agg(e.topic, E'\\x1e' ORDER BY e.sequence),
      string_agg(e.stored::text, ',' ORDER BY e.sequence), string_agg(e.body, E'\\x1e' ORDER BY e.sequence)
    INTO sequences, topics, times, bodies
    FROM (
      SELECT few.*, sum(octet_length(few.body)) OVER (ORDER BY few.sequence) - octet_length(few.body) AS before
      FROM (
        SELECT l.sequence, l.topic, l.stored, l.body FROM ${schema}.log l
          WHERE l.sequence > p_after ORDER BY l.sequence LIMIT p_entries
      ) few
    ) e WHERE e.before < p_bytes;
  floor := ${schema}.floor_of_log();
  -- Looked at last: what was read before is of this epoch if it still is.
  PERFORM FROM ${schema}.head h WHERE h.epoch = p_epoch;
  IF NOT FOUND THEN floor := NULL; END IF;
END
$function$;

-- Goes on in the next slot, if this one has so many entries, or began so long ago and has any.
CREATE OR REPLACE FUNCTION ${schema}.rotate(p_entries bigint, p_milliseconds bigint) RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  h ${schema}.head;
  clock bigint := extract(epoch FROM clock_timestamp()) * 1000;
  last bigint := ${schema}.newest_of_log();
  next smallint;
BEGIN
  SELECT * INTO h FROM ${schema}.head;
  next := (h.slot + 1) % ${slots};
  IF NOT FOUND OR last = h.base OR (last - h.base < p_entries AND clock - h.began < p_milliseconds) THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM ${schema}.segments s WHERE s.slot = next) THEN RETURN false; END IF;
  SELECT * INTO h FROM ${schema}.head FOR UPDATE;
  IF (h.slot + 1) % ${slots} <> next THEN RETURN false; END IF;
  last := ${schema}.newest_of_log();
  INSERT INTO ${schema}.segments VALUES (next, last, clock);
  UPDATE ${schema}.head SET slot = next, base = last, began = clock;
  RETURN true;
END
$function$;

-- Empties the oldest slot, if all that it has is so old, or if no other one is free. It waits for no reader of it: then it
-- does nothing, and is asked again later.
CREATE OR REPLACE FUNCTION ${schema}.drop_oldest(p_milliseconds bigint) RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  clock bigint := extract(epoch FROM clock_timestamp()) * 1000;
  oldest smallint;
  ended bigint;
  used int;
BEGIN
  SELECT count(*) INTO used FROM ${schema}.segments;
  SELECT s.slot INTO oldest FROM ${schema}.segments s ORDER BY s.base, s.began LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR used < 2 OR oldest = (SELECT slot FROM ${schema}.head) THEN RETURN false; END IF;
  SELECT s.began INTO ended FROM ${schema}.segments s WHERE s.slot <> oldest ORDER BY s.base, s.began LIMIT 1;
  IF used < ${slots} AND ended > clock - p_milliseconds THEN RETURN false; END IF;
  PERFORM set_config('lock_timeout', '50ms', true);
  EXECUTE format('TRUNCATE ${schema}.log_%s', oldest);
  DELETE FROM ${schema}.segments s WHERE s.slot = oldest;
  RETURN true;
EXCEPTION WHEN lock_not_available THEN
  RETURN false;
END
$function$;

-- Forgets the batches of a node before its newest ones, and those of nodes that are gone. No node asks for them any more.
CREATE OR REPLACE FUNCTION ${schema}.drop_batches(p_node bigint) RETURNS void LANGUAGE sql VOLATILE AS $function$
  DELETE FROM ${schema}.batches WHERE node = p_node AND number < (SELECT max(number) FROM ${schema}.batches WHERE node = p_node) - 10;
  DELETE FROM ${schema}.batches WHERE stored < extract(epoch FROM clock_timestamp()) * 1000 - ${remembered};
$function$;

-- Drops what is kept beside the log when its time is over, and values that were not taken.
CREATE OR REPLACE FUNCTION ${schema}.drop_expired(p_most int) RETURNS int LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  clock bigint := extract(epoch FROM clock_timestamp()) * 1000;
  dropped int;
BEGIN
  DELETE FROM ${schema}.once WHERE key IN (
    SELECT key FROM ${schema}.once WHERE expires <= clock LIMIT p_most FOR UPDATE SKIP LOCKED
  );
  WITH due AS (
    SELECT topic FROM ${schema}.kept WHERE expires <= clock ORDER BY expires LIMIT p_most FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM ${schema}.kept k USING due WHERE k.topic = due.topic RETURNING k.kind, k.rule, k.sequence
  ), told AS (
    INSERT INTO ${schema}.floors AS f (rule, sequence)
      SELECT rule, max(sequence) FROM gone WHERE kind = 'r' GROUP BY rule
      ON CONFLICT (rule) DO UPDATE SET sequence = greatest(f.sequence, excluded.sequence)
  )
  SELECT count(*) INTO dropped FROM gone;
  RETURN dropped;
END
$function$;
`;
