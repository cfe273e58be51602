import { IsDefined, IsOptional, IsString, Matches, ValidateIf } from 'class-validator';

/** The body of `POST /events/:topic`. */
export class PublishEventDto {
  /** Any JSON value, including `null`. */
  @ValidateIf((_, value) => value !== null)
  @IsDefined({ message: 'data is missing: send {"data": …} with any JSON' })
  data: unknown;

  /** The event's type, for `addEventListener` of an `EventSource`. */
  @IsOptional()
  @IsString()
  type?: string;

  /** An event that is sent again with the same id is stored only once. */
  @IsOptional()
  @Matches(/^[!-~]{1,128}$/, { message: 'messageId must be 1 to 128 visible ASCII characters' })
  messageId?: string;
}
