import { PushTopic, type TopicPolicy } from 'nestjs-push';
import { StatusDto } from './status.dto.js';

/** Whoever reads `desk` is at the desk. The rule of the topic grants it; this class checks what visitors say of themselves. */
@PushTopic('desk', { presence: StatusDto })
export class DeskPolicy implements TopicPolicy {}
