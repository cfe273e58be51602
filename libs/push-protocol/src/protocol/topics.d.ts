/**
 * Where a reader begins: `now` (only what comes), `last` (the newest retained event of each topic, then live), `last:50`
 * (the newest 50 of each, 1,000 at most), `earliest` (everything retained), `start` (everything since the log began, with a
 * gap if some of that is gone), `snapshot` (the state of each topic as the application loads it, then the events after that), or
 * an event's id (everything after it).
 */
export type Start = 'now' | 'last' | `last:${number}` | 'earliest' | 'start' | 'snapshot' | (string & {});
