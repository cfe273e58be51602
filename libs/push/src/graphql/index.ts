/* nestjs-push/graphql: GraphQL subscriptions that read the log. docs/graphql.md is about it. */
export { PushPubSub } from './push-pub-sub.js';
export { PushEventError, type GapExtensions } from './push-event-error.js';
export type { SubscriptionOptions } from './subscription.options.js';
