import { schema } from '../../postgres/quoted.js';

const out =
  'OUT sequences text, OUT topics text, OUT times text, OUT bodies text, OUT reached bigint, OUT floor bigint, OUT clock bigint';
const into = 'sequences, topics, times, bodies, taken, candidates, end_of_page';
const declared = `
taken bigint;
candidates bigint;
end_of_page bigint;`;
// The rows of "some", as many as there are bytes for. There is one row more than the limit where the page ends before the rest.
const entries = (some: string, more = '') => `
SELECT
    string_agg(e.sequence::text, ',' ORDER BY e.sequence), string_agg(e.topic, E'\\x1e' ORDER BY e.sequence),
    string_agg(e.stored::text, ',' ORDER BY e.sequence), string_agg(e.body, E'\\x1e' ORDER BY e.sequence),
    count(*), max(e.candidates), max(e.sequence)${more && `, string_agg(e.${more}::text, '' ORDER BY e.sequence)`}
  INTO ${into}${more && `, ${more}s`}
  FROM (
    SELECT few.*, count(*) OVER () AS candidates, row_number() OVER (ORDER BY few.sequence) AS place,
      sum(octet_length(few.body)) OVER (ORDER BY few.sequence) - octet_length(few.body) AS before
    FROM (${some}) few
  ) e WHERE e.before < p_bytes AND e.place <= p_limit;
IF taken < candidates THEN reached := end_of_page; END IF;`;
// Asked last: what goes while the rest is read is told too.
const check = `
floor := ${schema}.floor_of_log();
clock := extract(epoch FROM clock_timestamp()) * 1000;
PERFORM FROM ${schema}.head h WHERE h.epoch = p_epoch;
IF NOT FOUND THEN RAISE EXCEPTION 'The log on the server is another one.'; END IF;`;

/** What the history reads. All of it is bounded, and says how far it came. */
export const historyFunctions = `
-- The topics of the log between lows and highs, or nothing if there are more than so many.
CREATE OR REPLACE FUNCTION ${schema}.topics_between(p_lows text[], p_highs text[], p_most int) RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE
  found_topics text[] := '{}';
  low text;
  next text;
BEGIN
  FOR n IN 1 .. cardinality(p_lows) LOOP
    low := p_lows[n];
    LOOP
      SELECT l.topic INTO next FROM ${schema}.log l
        WHERE l.topic > low COLLATE "C" AND l.topic < p_highs[n] COLLATE "C" ORDER BY l.topic LIMIT 1;
      EXIT WHEN NOT FOUND;
      IF cardinality(found_topics) = p_most THEN RETURN NULL; END IF;
      found_topics[cardinality(found_topics) + 1] := next;
      low := next;
    END LOOP;
  END LOOP;
  RETURN array_to_string(found_topics, E'\\x1e');
END
$function$;

-- The events of some topics, merged: at most p_each of each at a time.
CREATE OR REPLACE FUNCTION ${schema}.read_topics(
  p_epoch text, p_topics text[], p_after bigint, p_through bigint, p_each int, p_limit int, p_bytes int, ${out}
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE${declared}
BEGIN
  SELECT least(p_through, min(full_ones.newest)) INTO reached FROM (
    SELECT max(own.sequence) AS newest FROM unnest(p_topics) WITH ORDINALITY AS a(topic, n)
    LEFT JOIN ${schema}.kept k ON k.topic = a.topic COLLATE "C"
    CROSS JOIN LATERAL (
      SELECT l.sequence FROM ${schema}.log l
      WHERE l.topic = a.topic COLLATE "C" AND l.sequence > p_after AND l.sequence >= coalesce(k.cleared, 0)
        AND l.sequence <= p_through
      ORDER BY l.sequence LIMIT p_each
    ) own
    GROUP BY a.n HAVING count(*) = p_each
  ) full_ones;
  ${entries(`
    SELECT own.* FROM unnest(p_topics) AS a(topic)
    LEFT JOIN ${schema}.kept k ON k.topic = a.topic COLLATE "C"
    CROSS JOIN LATERAL (
      SELECT l.sequence, l.topic, l.stored, l.body FROM ${schema}.log l
      WHERE l.topic = a.topic COLLATE "C" AND l.sequence > p_after AND l.sequence >= coalesce(k.cleared, 0)
        AND l.sequence <= read_topics.reached
      ORDER BY l.sequence LIMIT p_each
    ) own
    ORDER BY own.sequence LIMIT p_limit + 1`)}
  ${check}
END
$function$;

-- The newest events of some topics, up to p_through; if only one of each, then those that nothing followed after it.
CREATE OR REPLACE FUNCTION ${schema}.read_newest(
  p_epoch text, p_topics text[], p_after bigint, p_through bigint, p_newest int, p_limit int, p_bytes int, ${out}
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE${declared}
BEGIN
  reached := p_through;
  ${entries(`
    SELECT own.* FROM unnest(p_topics) AS a(topic)
    LEFT JOIN ${schema}.kept k ON k.topic = a.topic COLLATE "C"
    CROSS JOIN LATERAL (
      SELECT l.sequence, l.topic, l.stored, l.body FROM ${schema}.log l
      WHERE l.topic = a.topic COLLATE "C" AND l.sequence >= coalesce(k.cleared, 0)
        AND l.sequence <= CASE WHEN p_newest = 1 THEN 9007199254740991 ELSE p_through END
      ORDER BY l.sequence DESC LIMIT p_newest
    ) own
    WHERE own.sequence > p_after AND own.sequence <= p_through
    ORDER BY own.sequence LIMIT p_limit + 1`)}
  ${check}
END
$function$;

-- The events whose topics match an expression, of so many entries of the log; or only those that are the newest of their topics.
CREATE OR REPLACE FUNCTION ${schema}.scan(
  p_epoch text, p_filter text, p_after bigint, p_through bigint, p_entries int, p_newest boolean, p_limit int, p_bytes int, ${out}
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE${declared}
  looked bigint;
BEGIN
  SELECT count(*), max(few.sequence) INTO looked, reached FROM (
    SELECT l.sequence FROM ${schema}.log l
    WHERE l.sequence > p_after AND l.sequence <= p_through ORDER BY l.sequence LIMIT p_entries
  ) few;
  IF looked < p_entries THEN reached := p_through; END IF;
  ${entries(`
    SELECT l.sequence, l.topic, l.stored, l.body FROM ${schema}.log l
    WHERE l.sequence > p_after AND l.sequence <= scan.reached AND l.topic > ' ' AND (p_filter IS NULL OR l.topic ~ p_filter)
      AND NOT EXISTS (SELECT FROM ${schema}.kept k WHERE k.topic = l.topic AND k.cleared > l.sequence)
      AND (NOT p_newest OR NOT EXISTS (SELECT FROM ${schema}.log o WHERE o.topic = l.topic AND o.sequence > l.sequence))
    ORDER BY l.sequence LIMIT p_limit + 1`)}
  ${check}
END
$function$;

-- What is kept beside the log of some topics, and of all that match an expression (none without one).
CREATE OR REPLACE FUNCTION ${schema}.read_kept(
  p_epoch text, p_topics text[], p_filter text, p_after bigint, p_through bigint, p_entries int, p_newest boolean,
  p_limit int, p_bytes int, ${out}, OUT kinds text, OUT present jsonb, OUT floors jsonb
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $function$
DECLARE${declared}
  looked bigint := 0;
  last bigint;
BEGIN
  reached := p_through;
  IF p_filter IS NOT NULL THEN
    SELECT count(*), max(few.sequence) INTO looked, last FROM (
      SELECT k.sequence FROM ${schema}.kept k
      WHERE k.sequence > p_after AND k.sequence <= p_through ORDER BY k.sequence LIMIT p_entries
    ) few;
    IF looked = p_entries THEN reached := last; END IF;
  END IF;
  clock := extract(epoch FROM clock_timestamp()) * 1000;
  ${entries(
    `
    SELECT own.* FROM (
      SELECT k.sequence, k.topic, k.stored, k.body, k.kind, k.expires FROM ${schema}.kept k
      WHERE k.topic = ANY (p_topics) AND k.sequence > p_after AND k.sequence <= read_kept.reached
      UNION ALL
      SELECT k.sequence, k.topic, k.stored, k.body, k.kind, k.expires FROM ${schema}.kept k
      WHERE p_filter IS NOT NULL AND k.sequence > p_after AND k.sequence <= read_kept.reached
        AND k.topic ~ p_filter AND NOT k.topic = ANY (p_topics)
    ) own
    WHERE own.kind IN ('s', 'r') OR (own.expires > read_kept.clock AND NOT (p_newest AND own.kind = 'f'))
    ORDER BY own.sequence LIMIT p_limit + 1`,
    'kind',
  )}
  SELECT jsonb_object_agg(k.topic, coalesce(k.cleared, 0)) INTO present FROM ${schema}.kept k WHERE k.topic = ANY (p_topics);
  SELECT jsonb_object_agg(f.rule, f.sequence) INTO floors FROM ${schema}.floors f;
  ${check}
END
$function$;
`;
