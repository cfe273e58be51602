import { setTimeout as delay } from 'node:timers/promises';

/** What an answer is asked for by its URL: `/<id>?chunks=<n>&every=<ms>`. */
export interface Answer {
  readonly id: string;
  readonly chunks: number;
  /** Milliseconds between two chunks; with 0 there are none. */
  readonly every: number;
}

export function answerOf(url: string): Answer {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const number = (name: string) => Number(searchParams.get(name));
  return { id: pathname.slice(1), chunks: number('chunks'), every: number('every') };
}

/** A producer as a model is one: numbered words, at an even pace. */
export async function* words({ chunks, every }: Answer): AsyncGenerator<string> {
  for (let n = 1; n <= chunks; n++) {
    if (n > 1 && every > 0) await delay(every);
    yield `w${n} `;
  }
}
