import { Inject, Injectable } from '@nestjs/common';
import { pushSettings } from '../contracts/settings.js';
import { covers, isReserved, isWildcard, overlaps } from '../contracts/topic.js';
import { withoutParameters } from './access-rules.js';
import { TopicAccess } from './topic-access.js';

/** Whether what is sent to clients may be compressed. */
export interface CompressionRule {
  /** A topic pattern. A token `:name` matches any one token, as `*` does. */
  readonly pattern: string;
  /** Default: `true`. */
  readonly compression?: boolean;
}

interface CompressionSettings {
  readonly compression: boolean;
  readonly topics: readonly CompressionRule[];
}

/**
 * Decides which topics may be compressed together. Somebody who can publish to one topic, and sees how long the bytes for others
 * are, learns what else is in them: so topics that clients may publish to are compressed alone, or not at all.
 */
@Injectable()
export class CompressibleTopics {
  private readonly rules: readonly CompressionRule[];

  constructor(
    @Inject(pushSettings) private readonly settings: CompressionSettings,
    @Inject(TopicAccess) private readonly access: TopicAccess,
  ) {
    this.rules = withoutParameters(settings.topics);
  }

  /** Whether the events of all these topics and patterns may share one compressor. */
  allow(topics: readonly string[]): boolean {
    if (!this.settings.compression || !topics.every((pattern) => this.isAllowed(pattern))) return false;
    if (topics.length === 1 && !isWildcard(topics[0]!)) return true;
    return !topics.some((pattern) => isReserved(pattern) || this.access.isPublishable(pattern));
  }

  /** Every rule that shares a topic with the pattern has to allow it, up to the first that covers it. */
  private isAllowed(pattern: string): boolean {
    for (const rule of this.rules) {
      if (!overlaps(rule.pattern, pattern)) continue;
      if (rule.compression === false) return false;
      if (covers(rule.pattern, pattern)) return true;
    }
    return true;
  }
}
