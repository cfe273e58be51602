export type { PayloadOf } from '../protocol/topics.js';

/**
 * The application's topics and what their events carry, declared once:
 *
 * ```ts
 * declare module 'nestjs-push' {
 *   interface PushTopics {
 *     'orders.*': { status: 'paid' | 'shipped' };
 *     'metrics': Metrics;
 *   }
 * }
 * ```
 *
 * Topics that no declaration matches can be used as well; their data is `unknown`.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- filled by the application
export interface PushTopics {}
