import { computed, signal, untracked, type Signal } from '@angular/core';
import type { Live, Source } from '../bindings/source.js';
import { openShown } from './shown.js';

/**
 * What stands for a topic that is not known yet: nothing is open, and the signals have what they have before anything has come. So
 * `injectLatest(() => this.user() && `users.${this.user().id}`)` waits for the user.
 */
export type Skip = undefined | null | false | '';

/**
 * A signal or function of a topic. When it changes, the new one is opened. It is not called before the component is rendered, so it
 * may read required inputs.
 */
export type TopicRef<Topic extends string> = () => Topic | Skip;

/** A topic, or a signal or function of one. */
export type TopicArgument<Topic extends string> = Topic | Skip | TopicRef<Topic>;

/** The topic now; `undefined` while it is not known. */
export function topicOf(topic: TopicArgument<string>): string | undefined {
  return (typeof topic === 'function' ? topic() : topic) || undefined;
}

/** A source in an injection context. */
export interface Shown<Opened extends Live, Value> {
  readonly value: Signal<Value>;
  /** What it comes from; `undefined` while it is not open. */
  readonly live: () => Opened | undefined;
}

/**
 * The value of the source that `make` makes for the topic.
 *
 * @param make is also told whether the topic is the first one, which is the one that a server has rendered
 * @param opened is called when it is open, and before it changes anything
 */
export function injectSource<Opened extends Live, Value>(
  topic: TopicArgument<string>,
  make: (topic: string, isFirst: boolean) => Source<Opened, Value>,
  opened?: (live: Opened) => void,
): Shown<Opened, Value> {
  const name = computed(() => topicOf(topic));
  // What depends on nothing is computed once.
  const first = computed(() => untracked(name));
  const source = computed(() => make(name() ?? '', name() === first()));
  const changes = signal(0);
  const changed = () => changes.update((count) => count + 1);
  openShown(() => {
    const now = name() === undefined ? undefined : source();
    return () => {
      const stop = now?.subscribe(changed);
      if (now?.live) opened?.(now.live);
      changed();
      return stop;
    };
  });
  const value = computed(() => {
    changes();
    return source().get();
  });
  return { value, live: () => untracked(source).live };
}

/** A signal for each of these properties. */
export type Signals<Value> = { readonly [Key in keyof Value]-?: Signal<Value[Key]> };

/** The properties of `value` as signals of their own. */
export function signalsOf<Value extends object>(
  value: Signal<Value>,
  keys: readonly (keyof Value)[],
): Signals<Value> {
  return Object.fromEntries(keys.map((key) => [key, computed(() => value()[key])])) as Signals<Value>;
}

/** As {@link injectSource}, for a value whose properties are signals of their own. */
export function injectView<Opened extends Live, Value extends object>(
  topic: TopicArgument<string>,
  make: (topic: string, isFirst: boolean) => Source<Opened, Value>,
  opened?: (live: Opened) => void,
): { readonly view: Signals<Value>; readonly live: () => Opened | undefined } {
  const { value, live } = injectSource(topic, make, opened);
  return { view: signalsOf(value, Object.keys(make('', false).initial) as (keyof Value)[]), live };
}
