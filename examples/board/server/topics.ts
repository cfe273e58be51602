import type { TopicsOf } from 'nestjs-push';
import { z } from 'zod';

const text = z.string().trim().min(1).max(500);
const place = { x: z.number().min(0).max(100), y: z.number().min(0).max(100) };

/** What the topics of a board carry. Schemas check what pages send, and TypeScript takes the types from them. */
export const schemas = {
  // Who is at the board, and whether they write something.
  'boards.*': { presence: z.object({ writing: z.boolean() }) },
  // The notes: each is a topic, and its newest event is the note as it is now.
  'boards.*.notes.*': {
    event: z.object({ author: z.string(), text, ...place }),
    publish: z.object({ text, ...place }),
  },
  // What people say.
  'boards.*.feed': {
    event: z.object({ author: z.string(), text, at: z.number() }),
    publish: z.object({ text }),
  },
  // Which export the pages show, and the exports: the lines of a file that is written.
  'boards.*.export': z.object({ id: z.string(), author: z.string() }),
  'boards.*.exports.*': z.string(),
};

export interface Topics extends TopicsOf<typeof schemas> {}

/** What a page says of its user. */
export type Presence = z.output<(typeof schemas)['boards.*']['presence']>;
/** A note, as a page publishes it. */
export type NewNote = z.output<(typeof schemas)['boards.*.notes.*']['publish']>;
/** A note, as everybody sees it. `x` and `y` are in percent of the board. */
export type Note = z.output<(typeof schemas)['boards.*.notes.*']['event']>;
/** Something that somebody has said. `at` is in milliseconds since 1970. */
export type Message = z.output<(typeof schemas)['boards.*.feed']['event']>;

declare module 'nestjs-push' {
  interface PushTopics extends Topics {}
}
