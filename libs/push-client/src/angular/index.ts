/* The entry for Angular: it works with `connect` and with `connectWith`. */

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
export { injectPush, providePush } from './client.js';
export { injectEvents, type InjectEventsOptions } from './events.js';
export { injectHistory, type HistorySignals } from './history.js';
export { injectPresence, type PresenceSignals } from './presence.js';
export { injectPublish, type Publishing } from './publishing.js';
export { injectRun } from './run.js';
export type { Signals, Skip, TopicArgument, TopicRef } from './source.js';
export { injectLatest, injectStateMap, type StartOption } from './state.js';
export { injectPushStatus } from './status.js';
