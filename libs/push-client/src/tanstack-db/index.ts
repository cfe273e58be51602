/* The entry for TanStack DB: it works with `connect` and with `connectWith`, which then needs the part `publisher` to write. */

export {
  pushCollectionOptions,
  type CollectionSource,
  type PushCollection,
  type PushCollectionOptions,
  type PushCollectionUtils,
} from './collection-options.js';
export type { RowOptions, StateEvent } from './row-mapping.js';
export type { StateRow } from './state-rows.js';
export { PushError } from '../push-error.js';
