import { Injectable, type PipeTransform } from '@nestjs/common';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import { Gatekeeper } from '../../access/gatekeeper.js';
import { assertHarmless } from '../../access/json-shape.js';
import { PushError } from '../../contracts/errors.js';
import { PublishMessage, SubscribeMessage } from '../client-messages.js';
import { MessageLimits } from '../message-client.js';
import { httpRefusal } from './http-refusal.js';

/** More of them would hold more topics than a connection may have. */
const maxSubscriptions = 1_000;

/** The body of `POST <path>/events`: what would be `subscribe` messages on a WebSocket. */
export class SubscribeBody {
  @IsArray()
  @ArrayMaxSize(maxSubscriptions)
  @ValidateNested({ each: true })
  @Type(() => SubscribeMessage)
  subscribe!: SubscribeMessage[];
}

/** The body of `POST <path>/publish`. */
export class PublishBody extends PublishMessage {
  /** Of the client's own stream, from its `hello`: where the event goes not, with `echo: false`. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  connection?: string;
}

/** Looks at a body before anything recurses into it. */
@Injectable()
export class HarmlessBody implements PipeTransform {
  constructor(
    private readonly gatekeeper: Gatekeeper,
    private readonly limits: MessageLimits,
  ) {}

  transform(body: unknown): unknown {
    try {
      this.assert(body);
    } catch (error) {
      throw httpRefusal(error as PushError);
    }
    return body;
  }

  private assert(body: unknown): void {
    assertHarmless(body, this.gatekeeper.limits.jsonDepth);
    // The HTTP framework has bounded what it parses, by a limit of its own.
    const bytes = Buffer.byteLength(JSON.stringify(body) ?? '');
    const { maxMessageBytes } = this.limits;
    if (bytes > maxMessageBytes) {
      const message = `The message has ${bytes} bytes; ${maxMessageBytes} are allowed.`;
      throw new PushError('DATA_TOO_LARGE', message);
    }
  }
}

/** What a client of messages asks for, as its handler returns it. */
export class MessageStream {
  constructor(readonly asked: readonly SubscribeMessage[]) {}
}
