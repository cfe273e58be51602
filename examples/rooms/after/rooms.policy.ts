import { IsString, Length } from 'class-validator';
import { PushTopic, type Principal, type PublishContext, type TopicPolicy } from 'nestjs-push';
import type { Line } from './line.js';

export class NewLine {
  @IsString()
  @Length(1, 1_000)
  text!: string;
}

@PushTopic('rooms.:room', { payload: NewLine })
export class RoomsPolicy implements TopicPolicy<NewLine, Line> {
  canSubscribe = () => true;
  canPublish = () => true;

  transform({ id }: Principal, _: object, { data }: PublishContext<NewLine>): Line {
    return { author: id, text: data.text };
  }
}
