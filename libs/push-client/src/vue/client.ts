import { hasInjectionContext, inject, provide, type InjectionKey, type Plugin } from 'vue';
import type { AnyClient } from '../bindings/any-client.js';
import type { PushClient } from '../connect.js';
import type { PushTopics } from '../declared-topics.js';
import { PushError } from '../push-error.js';

const key: InjectionKey<AnyClient> = /* @__PURE__ */ Symbol('nestjs-push-client');

/**
 * The plugin that gives all components of an application the client: `app.use(createPush(push))`. The client stays open when the
 * application is unmounted: whoever has made it closes it.
 *
 * @param push make it with `lazy: true` where a server renders the page, so that it connects with the first component that is shown
 */
export function createPush(push: AnyClient): Plugin {
  return { install: (app) => void app.provide(key, push) };
}

/** Gives the client to the components below this one, in place of that of the application. */
export function providePush(push: AnyClient): void {
  provide(key, push);
}

/**
 * The client of the application, or of a component above this one. Outside of `setup` it is found within `app.runWithContext`.
 *
 * @throws PushError `NO_PROVIDER` if there is none
 */
export function usePush<Topics = PushTopics>(): PushClient<Topics> {
  const push = hasInjectionContext() ? inject(key, undefined) : undefined;
  if (push) return push as PushClient<Topics>;
  throw new PushError('NO_PROVIDER', 'Give the application its client: app.use(createPush(connect(…))).');
}
