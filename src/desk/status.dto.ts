import { IsBoolean, IsString, Length } from 'class-validator';
import type { TopicTypes } from 'nestjs-push';

/** What a visitor says of itself to the others at the desk. */
export class StatusDto {
  @IsString()
  @Length(1, 40)
  name!: string;

  @IsBoolean()
  typing!: boolean;
}

declare module 'nestjs-push' {
  interface PushTopics {
    desk: TopicTypes<{ presence: StatusDto }>;
  }
}
