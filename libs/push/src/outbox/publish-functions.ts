import { schema } from '../postgres/quoted.js';

/**
 * `push_publish(topic, data, options, ordered, notify)`: the one way in, for this library, for triggers and for other languages.
 * It runs with the rights of its caller, who needs to use the schema and to insert rows.
 *
 * Data and options are json, jsonb, or text that is JSON: a literal is text. JSON keeps what jsonb cannot hold, such as `\u0000`.
 */
export function publishFunctions(channel: string): string {
  return `
CREATE OR REPLACE FUNCTION ${schema}.push_publish(
  topic text, data json, options json DEFAULT NULL, ordered boolean DEFAULT false, notify boolean DEFAULT true
) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
  -- Held until the transaction ends: the next number for the topic is given after that.
  IF ordered THEN PERFORM pg_advisory_xact_lock(hashtextextended('${schema}.' || topic, 0)); END IF;
  INSERT INTO ${schema}.rows (topic, data, options) VALUES (topic, data, options);
  IF notify THEN PERFORM pg_notify('${channel}', ''); END IF;
END
$function$;

CREATE OR REPLACE FUNCTION ${schema}.push_publish(
  topic text, data jsonb, options jsonb DEFAULT NULL, ordered boolean DEFAULT false, notify boolean DEFAULT true
) RETURNS void LANGUAGE sql AS $function$
  SELECT ${schema}.push_publish(topic, data::text::json, options::text::json, ordered, notify)
$function$;

CREATE OR REPLACE FUNCTION ${schema}.push_publish(
  topic text, data text, options text DEFAULT NULL, ordered boolean DEFAULT false, notify boolean DEFAULT true
) RETURNS void LANGUAGE sql AS $function$
  SELECT ${schema}.push_publish(topic, data::json, options::json, ordered, notify)
$function$;
`;
}

/** Calls it with five values: texts, and two booleans. It returns one row, which every client can read. */
export const publishSql = `SELECT true AS published FROM ${schema}.push_publish($1::text, $2::text, $3::text, $4::boolean, $5::boolean)`;
