import type { Scenario } from '../scenario.js';
import { compression } from './compression.js';
import { distinctTopics } from './distinct-topics.js';
import { encrypted } from './encrypted.js';
import { fairness } from './fairness.js';
import { isolation } from './isolation.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { observability } from './observability.js';
import { presence } from './presence.js';
import { publish } from './publish.js';
import { reconnect } from './reconnect.js';
import { saturations } from './saturation.js';
import { joining, state } from './state.js';
import { tail } from './tail.js';
import { topics } from './topics.js';

export const scenarios: readonly Scenario[] = [
  ...saturations,
  topics,
  latency,
  tail,
  publish,
  observability,
  compression,
  encrypted,
  memory,
  reconnect,
  isolation,
  fairness,
  distinctTopics,
  state,
  joining,
  presence,
];
