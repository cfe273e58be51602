'use client';
/* The entry for React: it works with `connect` and with `connectWith`, in React 18 and 19, and in React Native. */

export { followAppState, type AppStateLike } from './follow-app-state.js';
export { PushProvider, usePush, type PushProviderProps } from './provider.js';
export type { Skip } from './topic.js';
export { useEvents, type UseEventsOptions } from './use-events.js';
export { useHistory, type UseHistory, type UseHistoryOptions } from './use-history.js';
export { useLatest, type UseLatestOptions } from './use-latest.js';
export { usePresence, type UsePresence, type UsePresenceOptions } from './use-presence.js';
export { usePublish, type UsePublish } from './use-publish.js';
export { usePushStatus } from './use-push-status.js';
export { useRun } from './use-run.js';
export { useStateMap, type UseStateMapOptions } from './use-state-map.js';

export type { HistoryView } from '../bindings/history.js';
export type { PendingEvent } from '../bindings/live-publishing.js';
export type { PresenceView } from '../bindings/presence.js';
export type { RunView } from '../bindings/run.js';
export type { LatestStart, StateView } from '../bindings/state.js';
export type { HistoryPage } from '../history.js';
export type { Status, StatusChange } from '../link.js';
export type { PresentUser } from '../live-presence.js';
export type { RunState, RunStatus } from '../live-run.js';
export type { StateStart } from '../live-state.js';
export type { GapNotice, GapReason } from '../protocol/gap.js';
export type { Ended, PushEvent } from '../protocol/messages.js';
export type { Start } from '../protocol/topics.js';
export type { PublishOptions } from '../publisher.js';
export { PushError } from '../push-error.js';
