import { catchUpMemory } from './played/catch-up-memory.mjs';
import { churn } from './played/churn.mjs';
import { deepTopics } from './played/deep-topics.mjs';
import { evicting } from './played/evicting.mjs';
import { historyPages } from './played/history-pages.mjs';
import { overlap } from './played/overlap.mjs';
import { lateReset, rapidReset } from './played/rapid-reset.mjs';
import { reconnecting } from './played/reconnecting.mjs';
import { redisHistory } from './played/redis-history.mjs';
import { scanStorm } from './played/scan-storm.mjs';
import { smallAudiences } from './played/small-audiences.mjs';
import { shortTurns } from './played/short-turns.mjs';
import { manyWildcards, wildcards } from './played/wildcards.mjs';

/** What is played, in order. */
export const attacks = [
  churn,
  scanStorm,
  overlap,
  wildcards,
  manyWildcards,
  deepTopics,
  shortTurns,
  redisHistory,
  historyPages,
  reconnecting,
  evicting,
  catchUpMemory,
  rapidReset,
  lateReset,
  smallAudiences,
];
