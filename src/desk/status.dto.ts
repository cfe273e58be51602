import { IsBoolean, IsString, Length } from 'class-validator';

/** What a visitor says of itself to the others at the desk. */
export class StatusDto {
  @IsString()
  @Length(1, 40)
  name!: string;

  @IsBoolean()
  typing!: boolean;
}
