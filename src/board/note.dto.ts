import { Transform } from 'class-transformer';
import { Allow, IsString, Length } from 'class-validator';
import type { Note } from './note.js';

const trimmed = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' ? value.trim() : value,
);

/** What a page has to send to write a note. */
export class NoteDto implements Note {
  @trimmed
  @IsString()
  @Length(1, 40)
  author!: string;

  @trimmed
  @IsString()
  @Length(1, 1_000)
  text!: string;

  /** The server's clock, whatever a page says. */
  @Transform(() => Date.now())
  @Allow()
  at: number = Date.now();
}
