import { schema } from '../../postgres/quoted.js';

/**
 * Stores a batch, or finds that it is stored. The head is locked first, and until the transaction ends: batches are stored one
 * after the other, so that no reader gets a number before all lower ones can be read.
 *
 * Topics and bodies are lists (`separator`). `p_more` is there if there is more to say of some events than what they are:
 * an array of objects, in the order of the events, with
 *
 * - i: the number of the event, from 1
 * - d: its message id; p: the number of the event before it in the batch that has the same one
 * - t, n: number and name of its topic, if that is a state topic (k: s) or a finite one (k: f)
 * - e: the sequence that it expects: 0 for no state, ? for one that cannot be there
 * - r: whether it is a removal; f: whether it is an end
 * - l, g: how many milliseconds it is kept, if not for ever, and the pattern of its rule
 *
 * Returns nothing if the log is another one. Otherwise the sequence before the batch, when it was stored, and what became of the
 * events, divided by commas: empty if it was stored, with the next number. s: its message id is known, with this sequence; d:
 * with that of this event. x: it conflicts with this sequence, or none; y: with this event. e: its topic has ended.
 */
export const appendFunction = `
CREATE OR REPLACE FUNCTION ${schema}.append(
  p_epoch text, p_node bigint, p_number bigint, p_topics text, p_bodies text, p_more jsonb, p_remember bigint, p_channel text
) RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  h ${schema}.head;
  b ${schema}.batches;
  last bigint;
  clock bigint;
  stored int;
  verdicts text := '';
BEGIN
  SELECT * INTO h FROM ${schema}.head FOR UPDATE;
  IF NOT FOUND OR h.epoch <> p_epoch OR h.run <> pg_postmaster_start_time() THEN RETURN NULL; END IF;

  SELECT * INTO b FROM ${schema}.batches WHERE node = p_node ORDER BY number DESC LIMIT 1;
  IF b.number = p_number THEN RETURN b.base || ' ' || b.stored || ' ' || b.verdicts; END IF;
  IF b.number > p_number THEN RAISE EXCEPTION 'This batch was given up.'; END IF;

  SELECT sequence INTO last FROM ${schema}.log WHERE slot = h.slot ORDER BY sequence DESC LIMIT 1;
  last := coalesce(last, h.base);
  clock := extract(epoch FROM clock_timestamp()) * 1000;

  IF p_more IS NULL THEN
    INSERT INTO ${schema}.log (slot, sequence, topic, stored, body)
      SELECT h.slot, last + n, coalesce(topic, ''), clock, body
      FROM unnest(string_to_array(p_topics, E'\\x1e'), string_to_array(p_bodies, E'\\x1e'))
        WITH ORDINALITY AS e(topic, body, n);
    GET DIAGNOSTICS stored = ROW_COUNT;
  ELSE
    SELECT * INTO stored, verdicts FROM ${schema}.append_some(h.slot, last, clock, p_topics, p_bodies, p_more, p_remember);
  END IF;

  INSERT INTO ${schema}.batches (node, number, base, stored, verdicts) VALUES (p_node, p_number, last, clock, verdicts);
  IF stored > 0 THEN PERFORM pg_notify(p_channel, 'n' || p_node || ' ' || p_epoch || '-' || last + stored); END IF;
  RETURN last || ' ' || clock || ' ' || verdicts;
END
$function$;

-- The part of append() for batches with more to say.
CREATE OR REPLACE FUNCTION ${schema}.append_some(
  p_slot smallint, p_base bigint, p_clock bigint, p_topics text, p_bodies text, p_more jsonb, p_remember bigint,
  OUT p_stored int, OUT p_verdicts text
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  topics text[] := string_to_array(p_topics, E'\\x1e');
  bodies text[] := string_to_array(p_bodies, E'\\x1e');
  ids text[] := '{}';
  all_verdicts text[] := '{}';
  verdict text;
  refused int := 0;
  x record;
  k record;
  -- Of each topic that is looked at: whether it was, its newest event in the tables and in this batch, and what that is.
  looked boolean[] := '{}';
  newest bigint[] := '{}';
  removed boolean[] := '{}';
  ended boolean[] := '{}';
  cleared bigint[] := '{}';
  cleared_by int[] := '{}';
  names text[] := '{}';
  kinds text[] := '{}';
  places int[] := '{}';
  offsets int[] := '{}';
  lives bigint[] := '{}';
  rules text[] := '{}';
BEGIN
  FOR x IN
    SELECT * FROM jsonb_to_recordset(p_more)
      AS m(i int, d text, p int, t int, n text, k text, e text, r boolean, f boolean, l bigint, g text)
  LOOP
    verdict := NULL;
    IF x.d IS NOT NULL THEN
      IF x.p IS NOT NULL AND all_verdicts[x.p] IS NULL THEN verdict := 'd' || x.p;
      ELSIF x.p IS NOT NULL AND all_verdicts[x.p] ~ '^[ds]' THEN verdict := all_verdicts[x.p];
      ELSE
        SELECT 's' || l.sequence INTO verdict FROM ${schema}.log l
          WHERE l.message_id = x.d AND l.stored > p_clock - p_remember LIMIT 1;
      END IF;
    END IF;

    IF verdict IS NULL AND x.k IS NOT NULL THEN
      IF looked[x.t] IS NULL THEN
        looked[x.t] := true;
        SELECT * INTO k FROM ${schema}.kept WHERE topic = x.n AND (expires IS NULL OR expires > p_clock);
        IF FOUND THEN
          newest[x.t] := k.sequence;
          removed[x.t] := k.kind = 'r';
          ended[x.t] := k.kind = 'e';
          cleared[x.t] := k.cleared;
        END IF;
      END IF;
      IF ended[x.t] AND x.k = 'f' AND x.r IS NULL THEN
        verdict := 'e';
      ELSIF x.e IS NOT NULL AND NOT (CASE
        WHEN x.e = '0' THEN coalesce(removed[x.t], false) OR (newest[x.t] IS NULL AND places[x.t] IS NULL)
        ELSE places[x.t] IS NULL AND coalesce(newest[x.t]::text = x.e, false)
      END) THEN
        verdict := CASE WHEN places[x.t] IS NULL THEN 'x' || coalesce(newest[x.t]::text, '') ELSE 'y' || places[x.t] END;
      END IF;
      IF verdict IS NULL AND (x.k = 's' OR x.r OR x.f) THEN
        names[x.t] := x.n;
        kinds[x.t] := CASE WHEN x.k = 's' THEN CASE WHEN x.r THEN 'r' ELSE 's' END WHEN x.r THEN 'f' ELSE 'e' END;
        places[x.t] := x.i;
        offsets[x.t] := x.i - refused;
        lives[x.t] := x.l;
        rules[x.t] := x.g;
        removed[x.t] := coalesce(x.r, false);
        ended[x.t] := kinds[x.t] = 'e';
        IF kinds[x.t] = 'f' THEN cleared_by[x.t] := offsets[x.t]; END IF;
      END IF;
    END IF;

    IF verdict IS NOT NULL THEN
      all_verdicts[x.i] := verdict;
      refused := refused + 1;
    ELSIF x.d IS NOT NULL THEN
      ids[x.i] := x.d;
    END IF;
  END LOOP;

  -- What is not assigned at the beginning of an array is not there: these begin with their first element.
  all_verdicts[1] := all_verdicts[1];
  ids[1] := ids[1];
  INSERT INTO ${schema}.log (slot, sequence, topic, stored, body, message_id)
    SELECT p_slot, p_base + row_number() OVER (ORDER BY n), coalesce(topic, ''), p_clock, body, id
    FROM unnest(topics, bodies, ids, all_verdicts) WITH ORDINALITY AS e(topic, body, id, v, n)
    WHERE v IS NULL ORDER BY n;
  GET DIAGNOSTICS p_stored = ROW_COUNT;

  IF cardinality(places) > 0 THEN
    FOR t IN 1 .. array_upper(places, 1) LOOP
      CONTINUE WHEN places[t] IS NULL;
      INSERT INTO ${schema}.kept AS o (topic, kind, sequence, stored, body, cleared, expires, rule)
        VALUES (
          names[t], kinds[t]::"char", p_base + offsets[t], p_clock, bodies[places[t]],
          coalesce(p_base + cleared_by[t], cleared[t]), p_clock + lives[t], rules[t]
        )
        ON CONFLICT (topic) DO UPDATE SET (kind, sequence, stored, body, cleared, expires, rule) =
          (excluded.kind, excluded.sequence, excluded.stored, excluded.body, excluded.cleared, excluded.expires, excluded.rule);
    END LOOP;
  END IF;
  p_verdicts := array_to_string(all_verdicts, ',', '');
END
$function$;
`;
