import {
  computed,
  getCurrentInstance,
  onActivated,
  onDeactivated,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type Ref,
} from 'vue';
import type { Live, Source } from '../bindings/source.js';
import { isServerRendered, whenMounted } from './mounted.js';

/**
 * What stands for a topic that is not known yet: nothing is open, and the refs have what they have before anything has come. So
 * `useLatest(() => user.value && `users.${user.value.id}`)` waits for the user.
 */
export type Skip = undefined | null | false | '';

/** A ref or getter of a topic. When it changes, the new one is opened. */
export type TopicRef<Topic extends string> =
  Ref<Topic | Skip> | ComputedRef<Topic | Skip> | (() => Topic | Skip);

/** A topic, or a ref or getter of one. */
export type TopicArgument<Topic extends string> = Topic | Skip | TopicRef<Topic>;

/** The topic now; `undefined` while it is not known. */
export function topicOf(topic: TopicArgument<string>): string | undefined {
  return toValue(topic) || undefined;
}

/** A source in a component. */
export interface Shown<Opened extends Live, Value> {
  readonly value: ComputedRef<Value>;
  /** What it comes from; `undefined` while it is not open. */
  readonly live: () => Opened | undefined;
}

/** Options of {@link useSource}. */
export interface ShowOptions<Opened extends Live> {
  /** Whether it is closed while `<KeepAlive>` keeps the component, and does not show it. Default: `false`. */
  readonly closesHidden?: boolean;
  /** Is called when it is open, and before it changes anything. */
  readonly opened?: (live: Opened) => void;
}

/**
 * The value of the source that `make` makes for the topic: as long as the component is mounted, or the scope is there.
 *
 * @param make is also told whether the topic is the first one, which is the one that a server has rendered
 */
export function useSource<Opened extends Live, Value>(
  topic: TopicArgument<string>,
  make: (topic: string, isFirst: boolean) => Source<Opened, Value>,
  { closesHidden, opened }: ShowOptions<Opened> = {},
): Shown<Opened, Value> {
  const first = topicOf(topic);
  const name = computed(() => topicOf(topic));
  const source = computed(() => make(name.value ?? '', name.value === first));
  /** Counts the changes. 0: it shows what a server renders. */
  const changes = shallowRef(isServerRendered() ? 0 : 1);
  const isHidden = shallowRef(false);
  if (closesHidden && getCurrentInstance()) {
    onActivated(() => (isHidden.value = false));
    onDeactivated(() => (isHidden.value = true));
  }
  whenMounted(() =>
    watch(
      () => (name.value === undefined || isHidden.value ? undefined : source.value),
      (now, _, onCleanup) => {
        if (now) onCleanup(now.subscribe(() => changes.value++));
        if (now?.live) opened?.(now.live);
        changes.value++;
      },
      { immediate: true },
    ),
  );
  return {
    value: computed(() => (changes.value === 0 ? source.value.initial : source.value.get())),
    live: () => source.value.live,
  };
}

/** A ref for each of these properties. */
export type Refs<Value> = { readonly [Key in keyof Value]-?: ComputedRef<Value[Key]> };

/** The properties of `value` as refs of their own. */
export function refsOf<Value extends object>(
  value: ComputedRef<Value>,
  keys: readonly (keyof Value)[] = Object.keys(value.value) as (keyof Value)[],
): Refs<Value> {
  return Object.fromEntries(keys.map((key) => [key, computed(() => value.value[key])])) as Refs<Value>;
}
