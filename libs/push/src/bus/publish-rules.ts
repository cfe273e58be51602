import { Inject, Injectable } from '@nestjs/common';
import type { RetentionRules } from '../contracts/retention.js';
import { pushSettings } from '../contracts/settings.js';
import { Hub } from '../hub/hub.js';
import type { DraftRules } from './draft.js';

/** What this application lets be published. */
@Injectable()
export class PublishRules implements DraftRules {
  readonly maxEventBytes: number;

  constructor(
    @Inject(Hub) private readonly hub: Hub,
    @Inject(pushSettings) settings: { readonly maxEventBytes: number },
  ) {
    this.maxEventBytes = settings.maxEventBytes;
  }

  get retention(): RetentionRules {
    return this.hub.retention;
  }
}
