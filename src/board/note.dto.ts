import { Transform } from 'class-transformer';
import { Allow, IsString, Length } from 'class-validator';
import type { Note } from './note.js';

const trimmed = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' ? value.trim() : value,
);

/** What a page has to send to write a note. */
export class NoteDto implements Omit<Note, 'at'> {
  @trimmed
  @IsString()
  @Length(1, 40)
  author!: string;

  @trimmed
  @IsString()
  @Length(1, 1_000)
  text!: string;

  /** Not used: the server has a clock of its own. */
  @Allow()
  at?: number;
}
