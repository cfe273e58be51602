import { IsDefined, IsOptional, IsString, Matches, ValidateIf } from 'class-validator';

/** The body of `POST /events/:topic`. */
export class PublishEventDto {
  /** Any JSON, `null` included. */
  @ValidateIf((_, value) => value !== null)
  @IsDefined({ message: 'data is missing: send {"data": …} with any JSON' })
  data: unknown;

  /** The event's type: what `addEventListener` of an `EventSource` listens to. */
  @IsOptional()
  @IsString()
  type?: string;

  /** Sent again with the same one, the event is stored once. */
  @IsOptional()
  @Matches(/^[!-~]{1,128}$/, { message: 'messageId must be 1 to 128 visible ASCII characters' })
  messageId?: string;
}
