import type { RunContext } from 'nestjs-push';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a word takes, in milliseconds: 20 to 40 words a second. */
const pace = { least: 25, most: 50 };
const paragraphs = 6;
const sentences = 7;

const adjectives = ['quiet', 'patient', 'northern', 'early', 'small', 'bright', 'distant', 'steady', 'old'];
const nouns = ['river', 'harbour', 'letter', 'garden', 'signal', 'lantern', 'bridge', 'orchard', 'compass'];
const verbs = ['follows', 'carries', 'remembers', 'answers', 'crosses', 'reaches', 'keeps', 'finds'];
const links = ['because', 'while', 'until', 'although', 'wherever'];

/**
 * Writes an answer, word by word, at the pace of a language model. There is no model: the same question always gets the same words.
 * It stops, by an error, when `signal` is aborted.
 */
export async function* write(
  question: string,
  signal: AbortSignal,
  { progress }: Pick<RunContext, 'progress'>,
): AsyncGenerator<string> {
  const random = randomOf(question);
  const words = wordsOf(question, random);
  for (const [index, { word, paragraph }] of words.entries()) {
    yield word;
    progress((index + 1) / words.length, `Paragraph ${paragraph} of ${paragraphs}`);
    await delay(pace.least + random() * (pace.most - pace.least), undefined, { signal });
  }
}

/** The words of an answer, each with what separates it from the next. */
export function wordsOf(
  question: string,
  random = randomOf(question),
): { word: string; paragraph: number }[] {
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!;
  const clause = () => `the ${pick(adjectives)} ${pick(nouns)} ${pick(verbs)} the ${pick(nouns)}`;
  const sentence = () => {
    const text = random() < 0.6 ? `${clause()} ${pick(links)} ${clause()}` : clause();
    return `${text[0]!.toUpperCase()}${text.slice(1)}. `;
  };
  const opening = `You asked: “${question}” `;
  return Array.from({ length: paragraphs }, (_, index) => {
    const text = Array.from({ length: sentences }, sentence).join('').trimEnd();
    const whole = `${index === 0 ? opening : ''}${text}${index < paragraphs - 1 ? '\n\n' : ''}`;
    return whole.match(/\S+\s*/g)!.map((word) => ({ word, paragraph: index + 1 }));
  }).flat();
}

/** Numbers from 0 to 1 that are always the same for a seed (mulberry32). */
function randomOf(seed: string): () => number {
  let state = 0;
  for (const character of seed) state = (Math.imul(state, 31) + character.codePointAt(0)!) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
