/**
 * The application's topics, for clients that are made without `connect<Topics>()`:
 *
 * ```ts
 * declare module 'nestjs-push-client' {
 *   interface PushTopics {
 *     'orders.*': { status: 'paid' | 'shipped' };
 *   }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by the application
export interface PushTopics {}

/** A topic, for calls that name the type of its data: `stateOf<Item>(push, …)`. Calls that name none declare their topics. */
export type TopicOf<Data> = [Data] extends [never] ? never : string;
