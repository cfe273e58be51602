/* The entry for Vue: it works with `connect` and with `connectWith`. */

export type { PendingEvent } from '../bindings/live-publishing.js';
export type { HistoryView } from '../bindings/history.js';
export type { PresenceView } from '../bindings/presence.js';
export type { RunView } from '../bindings/run.js';
export type { LatestStart, StateView } from '../bindings/state.js';
export type { HistoryPage } from '../history.js';
export type { Status, StatusChange } from '../link.js';
export type { LiveHistoryOptions } from '../live-history.js';
export type { PresenceOptions, PresentUser } from '../live-presence.js';
export type { RunState, RunStatus } from '../live-run.js';
export type { StateStart } from '../live-state.js';
export type { GapNotice, GapReason } from '../protocol/gap.js';
export type { Ended, PushEvent } from '../protocol/messages.js';
export type { Start } from '../protocol/topics.js';
export type { PublishOptions } from '../publisher.js';
export { PushError } from '../push-error.js';
export { createPush, providePush, usePush } from './client.js';
export { useEvents, type UseEventsOptions } from './events.js';
export { useHistory, type HistoryRefs } from './history.js';
export { usePresence, type PresenceRefs } from './presence.js';
export { usePublish, type Publishing } from './publishing.js';
export { useRun } from './run.js';
export type { Refs, Skip, TopicArgument, TopicRef } from './source.js';
export { useLatest, useStateMap, type StartOption } from './state.js';
export { usePushStatus } from './status.js';
