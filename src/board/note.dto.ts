import { Transform } from 'class-transformer';
import { Allow, IsString, Length } from 'class-validator';

const trimmed = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' ? value.trim() : value,
);

/** A note as a page sends it. */
export class NoteDto {
  @trimmed
  @IsString()
  @Length(1, 40)
  author!: string;

  @trimmed
  @IsString()
  @Length(1, 1_000)
  text!: string;

  /** Ignored: the server sets the time by its own clock. */
  @Allow()
  at?: number;
}
