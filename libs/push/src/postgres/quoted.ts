/** Stands for the schema in SQL that is written down before its name is known. */
export const schema = '@schema@';

/** A name as SQL takes it, whatever is in it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQL for the schema of this name. */
export function inSchema(name: string, sql: string): string {
  return sql.replaceAll(schema, quoted(name));
}
