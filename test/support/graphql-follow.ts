import type { ExecutionResult, FormattedExecutionResult } from 'graphql';

/** The client of graphql-ws, or that of graphql-sse. */
interface Client {
  subscribe<Data>(
    operation: { query: string; variables: Record<string, unknown> },
    sink: {
      next(result: ExecutionResult<Data> | FormattedExecutionResult<Data>): void;
      error(error: unknown): void;
      complete(): void;
    },
  ): () => void;
}

const query = `subscription ($number: String!, $after: ID) {
  parcelMoved(number: $number, after: $after) { id place }
}`;

/** What is done with what comes. */
export interface Follower {
  moved(place: string): void;
  /** Movements are lost: what is shown has to be loaded again. */
  gap(): void;
  ended(error?: unknown): void;
}

/** Follows a parcel, from the event `after` on. Returns a function that ends it. */
export function follow(client: Client, number: string, follower: Follower, after?: string): () => void {
  const variables = { number, after };
  return client.subscribe<{ parcelMoved: { id: string | null; place: string } }>(
    { query, variables },
    {
      next({ data, errors = [] }) {
        // The client sends the variables again when it connects again: it resumes.
        if (data) {
          variables.after = data.parcelMoved.id ?? variables.after;
          follower.moved(data.parcelMoved.place);
        }
        for (const { extensions, message } of errors) {
          if (extensions?.code !== 'GAP') follower.ended(message);
          else {
            variables.after = extensions.id as string;
            follower.gap();
          }
        }
      },
      error: (error) => follower.ended(error),
      complete: () => follower.ended(),
    },
  );
}
