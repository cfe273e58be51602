import { Transform } from 'class-transformer';
import { IsOptional, IsString, Length, Matches } from 'class-validator';

const trimmed = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' ? value.trim() : value,
);

/** The body of `POST /board/notes`. */
export class WriteNoteDto {
  @trimmed
  @IsString()
  @Length(1, 40)
  author!: string;

  @trimmed
  @IsString()
  @Length(1, 1_000)
  text!: string;

  /** Sent again with the same one, a note is on the board once. */
  @IsOptional()
  @Matches(/^[!-~]{1,128}$/, { message: 'messageId must be 1 to 128 visible ASCII characters' })
  messageId?: string;
}
