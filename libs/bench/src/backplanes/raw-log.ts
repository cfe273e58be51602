/** A server's own client, used as bare as it can be: what a backplane is measured against. */
export interface RawLog {
  /** Appends, and resolves when the server has it. */
  append(data: string): Promise<unknown>;
  /** Calls `receive` with what is appended from now on, in order. Resolves when it listens. */
  follow(receive: (data: string) => void): Promise<void>;
}
