import { Transform } from 'class-transformer';
import { IsString, Length } from 'class-validator';

/** The body of `POST /answers`. */
export class QuestionDto {
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @IsString()
  @Length(1, 200)
  question!: string;
}
