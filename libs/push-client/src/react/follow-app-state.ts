import type { AnyClient } from '../bindings/any-client.js';

/** What is needed of `AppState` of React Native. */
export interface AppStateLike {
  /** `active`, `background`, and others on the way from one to the other. */
  readonly currentState: string | null;
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void };
}

/**
 * Lets the connection of a React Native app rest while the app is in the background, and brings it back at once when it is in the
 * foreground again: everything goes on where it was.
 *
 * ```ts
 * import { AppState } from 'react-native';
 * followAppState(push, AppState);
 * ```
 *
 * A client that has not connected yet, or was refused, is left as it is.
 *
 * @returns a function that ends it
 */
export function followAppState(push: AnyClient, appState: AppStateLike): () => void {
  let isResting = false;
  const follow = (state: string | null) => {
    if (state === 'background' && !isResting && push.status !== 'idle' && push.status !== 'closed') {
      isResting = true;
      push.rest();
    } else if (state === 'active' && isResting) {
      isResting = false;
      push.reconnect();
    }
  };
  follow(appState.currentState);
  const subscription = appState.addEventListener('change', follow);
  return () => subscription.remove();
}
