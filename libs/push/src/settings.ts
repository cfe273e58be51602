import type { PresenceOptions } from './contracts/presence.js';
import type { Retention } from './contracts/retention.js';
import type { TopicDocumentation } from './contracts/topic-documentation.js';
import { checkSchemas, declaredSchemas, type DeclaredSchemas } from './contracts/topic-schemas.js';
import { Backplane } from './contracts/backplane.js';
import {
  boolean,
  callable,
  checkedElsewhere,
  checkOptions,
  list,
  longestTimer,
  milliseconds,
  number,
  oneOf,
  refuse,
  shape,
  text,
  type Check,
  type Checks,
} from './contracts/option-checks.js';
import type { PushModuleExtras, PushOptions, RetentionOptions, TopicOptions } from './push.options.js';
import { limitsOf, type Limits } from './access/limits.js';
import type { OriginRule } from './access/origins.js';
import {
  resourceSettingsOf,
  type ResourceOptions,
  type ResourceSettings,
} from './resources/resource.options.js';
import type { SnapshotOptions } from './state/snapshot.options.js';
import type { SseOptions } from './transport/sse/sse.options.js';
import type { WebSocketOptions } from './transport/websocket/websocket.options.js';

/** The options as they hold: checked once, at the start, with the defaults filled in. */
export interface PushSettings extends Omit<PushOptions, 'http2' | 'schemas'> {
  readonly schemas: readonly DeclaredSchemas[];
  readonly topics: readonly TopicOptions[];
  readonly retention: Required<RetentionOptions>;
  readonly maxEventBytes: number;
  readonly maxDeliveryDelay: number;
  readonly heartbeat: number;
  readonly retry: number;
  readonly shutdownDelay: number;
  readonly shutdownTimeout: number;
  readonly origins: OriginRule;
  readonly allowMissingOrigin: boolean;
  readonly trustedProxies: readonly string[];
  readonly limits: Limits;
  readonly snapshots: Required<SnapshotOptions>;
  readonly compression: boolean;
  readonly http2: ResourceSettings;
  readonly websocket: Required<WebSocketOptions>;
  readonly sse: SseOptions & Required<Pick<SseOptions, 'heartbeat'>>;
}

const defaults = {
  retention: { events: 1_000, age: 3_600_000, bytes: 64 * 1024 * 1024, stateBytes: 64 * 1024 * 1024 },
  maxEventBytes: 256 * 1024,
  maxDeliveryDelay: 5_000,
  heartbeat: 15_000,
  retry: 2_000,
  shutdownDelay: 0,
  shutdownTimeout: 5_000,
  snapshots: { timeout: 5_000, concurrency: 16, waiting: 1_000 },
  sse: { heartbeat: 'comment' },
  websocket: {
    maxMessageBytes: 64 * 1024,
    maxTopics: 256,
    firstMessage: false,
    extendedConnect: true,
  },
} as const;

const events = number({ least: 0, infinite: true, of: 'events' });
const age = number({ least: 1, infinite: true, whole: false, of: 'milliseconds' });
const span = number({ least: 1, whole: false, of: 'milliseconds' });
const bytes = number({ least: 1, infinite: true, of: 'bytes' });

const duration = number({ least: 0, most: longestTimer, whole: false, of: 'milliseconds' });

const backplane: Check = (value, name) => {
  if (value === undefined || value instanceof Backplane) return;
  // Another copy of this package has a class of its own.
  const isOne = typeof (value as Partial<Backplane> | null)?.append === 'function';
  if (!isOne)
    refuse(name, value, 'a Backplane: redisBackplane(…), natsBackplane(…), or an instance of yours');
};

const presenceShape = shape<PresenceOptions>({
  grace: number({ least: 0, most: longestTimer, whole: false, of: 'milliseconds' }),
  max: number({ least: 1, infinite: true, of: 'members' }),
  counts: boolean,
});

const presence: Check = (value, name) => {
  if (typeof value === 'boolean') return;
  if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value)))
    refuse(name, value, 'true, false, or an object with grace, max, counts');
  presenceShape(value, name);
};

const described: Check = (value, name) => {
  if (value !== undefined && typeof value !== 'function' && (typeof value !== 'object' || value === null))
    refuse(name, value, 'a class with class-validator decorators, a Standard Schema, or a JSON Schema');
};

const documentation = shape<TopicDocumentation>({
  description: text,
  payload: described,
  types: (value, name) => {
    if (value === undefined) return;
    if (typeof value !== 'object' || value === null) refuse(name, value, 'an object: { paid: PaidOrder }');
    for (const [type, schema] of Object.entries(value)) described(schema, `${name}.${type}`);
  },
  snapshot: described,
  hidden: boolean,
});

/** `AccessRules` checks patterns, and what they grant. */
const topicChecks: Checks<TopicOptions> = {
  pattern: checkedElsewhere,
  access: checkedElsewhere,
  retention: shape<Retention>({ events, age }),
  slow: oneOf('gap', 'disconnect', 'latest'),
  state: boolean,
  finite: boolean,
  ttl: span,
  tombstones: span,
  presence,
  documentation,
  compression: boolean,
};

const websocketChecks: Checks<WebSocketOptions> = {
  maxMessageBytes: bytes,
  maxTopics: number({ least: 1, infinite: true, of: 'topics' }),
  firstMessage: boolean,
  extendedConnect: boolean,
};

const sseChecks: Checks<SseOptions> = {
  heartbeat: oneOf('comment', 'event'),
  principal: callable('a function that takes the request and returns a Principal'),
};

const count = number({ least: 1 });

const snapshotChecks: Checks<SnapshotOptions> = {
  timeout: milliseconds,
  bytes,
  concurrency: count,
  waiting: count,
};

const http2Checks: Checks<ResourceOptions> = {
  push: boolean,
  earlyHints: oneOf('http2', 'always', false),
  link: boolean,
  resources: checkedElsewhere,
  maxPerPage: count,
  maxConcurrent: count,
  maxRemembered: count,
  cookie: (value, name) => {
    if (value !== false) text(value, name);
  },
  forwardHeaders: list(text, 'a list of names of headers'),
};

/** Every option: a missing one does not compile. An option that has to be parsed is checked by its parser. */
const checks: Checks<PushOptions> = {
  backplane,
  topics: list(shape<TopicOptions>(topicChecks), 'a list of rules: [{ pattern, access }]'),
  schemas: checkSchemas,
  retention: shape<RetentionOptions>({ events, age, bytes, bytesPerPublisher: bytes, stateBytes: bytes }),
  maxEventBytes: bytes,
  maxDeliveryDelay: age,
  heartbeat: milliseconds,
  retry: milliseconds,
  shutdownDelay: duration,
  shutdownTimeout: duration,
  snapshots: shape<SnapshotOptions>(snapshotChecks),
  onError: callable('a function that takes an error and its context'),
  compression: boolean,
  groups: boolean,
  sse: shape<SseOptions>(sseChecks),
  websocket: shape<WebSocketOptions>(websocketChecks),
  http2: shape<ResourceOptions>(http2Checks),
  authenticate: callable('a class that extends Authenticator'),
  origins: checkedElsewhere,
  allowMissingOrigin: boolean,
  trustedProxies: list(text, 'a list of addresses and networks'),
  limits: checkedElsewhere,
};

const extrasChecks: Checks<PushModuleExtras> = {
  path: (value, name) => {
    if (value === undefined) return;
    const isPath =
      typeof value === 'string' && /^\/?[A-Za-z0-9._~!$&'()+,;=@%/-]+$/.test(value) && /[^/]/.test(value);
    if (!isPath) refuse(name, value, 'a path, such as "/push"');
  },
  transports: list(oneOf('websocket', 'sse'), 'a list of "websocket" and "sse"'),
  decorators: list(callable('a decorator'), 'a list of decorators'),
  isGlobal: boolean,
};

/**
 * Checks the options of the application, and fills in the defaults.
 *
 * @throws PushError `INVALID_OPTION` for an option that does not exist, and for an invalid value
 */
export function settingsOf(options: PushOptions = {}): PushSettings {
  checkOptions(options, checks);
  const { maxEventBytes = defaults.maxEventBytes } = options;
  const retention = { ...defaults.retention, ...given(options.retention) };
  options.topics?.forEach((rule, index) => checkRule(rule, retention.events, index));
  return {
    ...options,
    topics: options.topics ?? [],
    schemas: declaredSchemas(options.schemas ?? {}),
    retention: { ...retention, bytesPerPublisher: retention.bytesPerPublisher ?? retention.bytes / 16 },
    maxEventBytes,
    maxDeliveryDelay: options.maxDeliveryDelay ?? defaults.maxDeliveryDelay,
    heartbeat: options.heartbeat ?? defaults.heartbeat,
    retry: options.retry ?? defaults.retry,
    shutdownDelay: options.shutdownDelay ?? defaults.shutdownDelay,
    shutdownTimeout: options.shutdownTimeout ?? defaults.shutdownTimeout,
    origins: options.origins ?? 'same-host',
    allowMissingOrigin: options.allowMissingOrigin ?? true,
    trustedProxies: options.trustedProxies ?? [],
    limits: limitsOf(options.limits),
    snapshots: { ...defaults.snapshots, bytes: maxEventBytes, ...given(options.snapshots) },
    http2: resourceSettingsOf(options.http2),
    compression: options.compression ?? true,
    sse: { ...defaults.sse, ...given(options.sse) },
    websocket: { ...defaults.websocket, ...given(options.websocket) },
  };
}

/** @throws PushError `INVALID_OPTION` for a rule that says what does not go together */
function checkRule(
  { state, finite, retention, ttl, tombstones }: TopicOptions,
  defaultEvents: number,
  index: number,
): void {
  const rule = `topics[${index}]`;
  if (state && retention)
    refuse(`${rule}.retention`, retention, 'nothing beside state: the newest event is kept');
  if (state && finite) refuse(`${rule}.finite`, finite, 'nothing beside state: a state has no end');
  if (finite && (retention?.events ?? defaultEvents) < 1)
    refuse(`${rule}.retention.events`, 0, 'at least 1 beside finite: the end is kept');
  const takes = 'a value only with state: true or finite: true';
  if (!state && !finite && ttl !== undefined) refuse(`${rule}.ttl`, ttl, takes);
  if (!state && !finite && tombstones !== undefined) refuse(`${rule}.tombstones`, tombstones, takes);
}

/**
 * Checks what goes beside the options.
 *
 * @throws PushError `INVALID_OPTION`
 */
export function checkExtras({ path, transports, decorators, isGlobal }: PushModuleExtras): void {
  checkOptions({ path, transports, decorators, isGlobal }, extrasChecks);
}

/** What was given, without what is `undefined`: that has its default. */
function given<Options extends object>(options: Options | undefined): Options {
  return Object.fromEntries(
    Object.entries(options ?? {}).filter(([, value]) => value !== undefined),
  ) as Options;
}
