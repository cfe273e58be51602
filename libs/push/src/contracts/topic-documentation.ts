import type { DocumentedSchema } from './payload-schema.js';

/** What documents say about topics: see `nestjs-push/asyncapi`. Nothing is checked by it. */
export interface TopicDocumentation {
  /** What the topics are for, in CommonMark. */
  readonly description?: string;
  /**
   * The data of the topics' events. Default: what clients publish, if a policy has a `payload` and no `transform`; else any
   * JSON.
   */
  readonly payload?: DocumentedSchema;
  /** The data of events that have a type, by type. With `payload`, there are events without a type as well. */
  readonly types?: Readonly<Record<string, DocumentedSchema>>;
  /** The data of the topics' snapshots (`@PushSnapshot()`). Default: any JSON. */
  readonly snapshot?: DocumentedSchema;
  /** Leaves the topics out of documents. Default: `false`. */
  readonly hidden?: boolean;
}
