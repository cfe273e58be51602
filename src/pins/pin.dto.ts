import { Transform } from 'class-transformer';
import { IsNumber, IsString, Length, Max, Min } from 'class-validator';
import type { Pin } from './pin.js';

const trimmed = Transform(({ value }: { value: unknown }) =>
  typeof value === 'string' ? value.trim() : value,
);

/** The body of `PUT /pins/:id/place`. */
export class PlaceDto implements Pick<Pin, 'x' | 'y'> {
  @IsNumber()
  @Min(0)
  @Max(100)
  x!: number;

  @IsNumber()
  @Min(0)
  @Max(100)
  y!: number;
}

/** The body of `POST /pins`. */
export class PinDto extends PlaceDto implements Pin {
  @trimmed
  @IsString()
  @Length(1, 40)
  author!: string;

  @trimmed
  @IsString()
  @Length(1, 200)
  text!: string;
}
