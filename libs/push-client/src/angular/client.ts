import { DestroyRef, inject, InjectionToken, NgZone, type Provider } from '@angular/core';
import type { AnyClient } from '../bindings/any-client.js';
import type { PushClient } from '../connect.js';
import type { PushTopics } from '../declared-topics.js';

const token = /* @__PURE__ */ new InjectionToken<AnyClient>('PushClient, of providePush()');

/**
 * Provides the client: among the providers of the application, of a route, or of a component for what is below it.
 *
 * ```ts
 * bootstrapApplication(App, { providers: [providePush(() => connect('/push', { lazy: true }))] });
 * ```
 *
 * @param push the client, or a function that makes it, in which `inject` may be called. What the function has made is closed with the
 * injector; a client that is given stays open. Make it with `lazy: true` where a server renders the page
 */
export function providePush(push: AnyClient | (() => AnyClient)): Provider {
  if (typeof push !== 'function') return { provide: token, useValue: push };
  const make = () => {
    // Its timers are none of the application's business: it would never be stable.
    const client = inject(NgZone).runOutsideAngular(push);
    inject(DestroyRef).onDestroy(() => client.close());
    return client;
  };
  return { provide: token, useFactory: make };
}

/**
 * The client of the injector. Angular throws its own error (`NG0201`) where none is provided.
 *
 * Like `inject` it is called in an injection context, as all functions of this entry: in a constructor, a field, or a factory.
 */
export function injectPush<Topics = PushTopics>(): PushClient<Topics> {
  return inject(token) as PushClient<Topics>;
}
