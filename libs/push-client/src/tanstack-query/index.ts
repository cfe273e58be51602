/* The entry for TanStack Query: it works with `connect` and with `connectWith`, and with the query client of every framework. */

export { bindQueries, type QuerySource } from './bind-queries.js';
export type { QueryBinding, QueryBindings, QueryUpdate } from './query-binding.js';
export type { ListenOptions, Stop } from '../connect.js';
export { PushError } from '../push-error.js';
