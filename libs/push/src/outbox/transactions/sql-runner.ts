/** A value of a statement's `$1`, `$2`, … */
export type SqlValue = string | number | boolean | null;

/** Runs statements of PostgreSQL in one transaction. */
export interface SqlRunner {
  /** @param text with a `$n` for each of `values`, from 1 on in their order */
  query(text: string, values: readonly SqlValue[]): Promise<unknown>;
}

/** An object whose kind is not known yet. */
export type Unrecognized = Readonly<Record<string, unknown>>;

/**
 * Recognizes the transactions of one library.
 *
 * @returns `undefined` if it is not an object of that library
 * @throws PushError `INVALID_OPTION` if it is, and no transaction is open on it
 */
export type Recognizer = (tx: Unrecognized) => SqlRunner | undefined;
