import {
  Allow,
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsNotEmpty,
  IsOptional,
  IsString,
  MaxLength,
} from 'class-validator';
import { maxTopicLength } from '../contracts/topic.js';

/** More topics in one message than any connection may have are not even looked at. */
const maxTopicsPerMessage = 1_000;

/** What every message of a client may carry. PROTOCOL.md "WebSocket", "Messages over HTTP". */
class ClientMessage {
  /** Comes back in the answer. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  ref?: string;
}

/** `unsubscribe`, and the part of `subscribe` that names topics. */
export class UnsubscribeMessage extends ClientMessage {
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(maxTopicsPerMessage)
  @IsString({ each: true })
  @MaxLength(maxTopicLength, { each: true })
  topics!: string[];
}

/** `subscribe`. */
export class SubscribeMessage extends UnsubscribeMessage {
  /** `now` (default), `last`, `earliest`, or an event's id. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  from?: string;

  /** Bring also what another subscription of the connection has brought. Default: `false`. */
  @IsOptional()
  @IsBoolean()
  repeat?: boolean;
}

/** `authenticate`, which may have to come first, and `refresh`. */
export class TokenMessage extends ClientMessage {
  @IsString()
  @IsNotEmpty()
  @MaxLength(16_384)
  token!: string;
}

/** `publish`. */
export class PublishMessage extends ClientMessage {
  @IsString()
  @MaxLength(maxTopicLength)
  topic!: string;

  /** Anything JSON; a topic policy may say more. */
  @Allow()
  data: unknown;

  @IsOptional()
  @IsString()
  type?: string;

  @IsOptional()
  @IsString()
  @MaxLength(128)
  messageId?: string;

  @IsOptional()
  @IsBoolean()
  ephemeral?: boolean;

  /** Whether this connection gets the event itself. */
  @IsOptional()
  @IsBoolean()
  echo?: boolean;
}
