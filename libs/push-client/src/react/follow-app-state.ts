import type { AnyClient } from '../bindings/any-client.js';

/** What is needed of `AppState` of React Native. */
export interface AppStateLike {
  readonly currentState: string | null;
  addEventListener(type: 'change', listener: (state: string) => void): { remove(): void };
}

/**
 * Has the connection of a React Native app come back at once when the app is in the foreground again.
 *
 * ```ts
 * import { AppState } from 'react-native';
 * followAppState(push, AppState);
 * ```
 *
 * @returns a function that ends it
 */
export function followAppState(push: AnyClient, appState: AppStateLike): () => void {
  const { remove } = appState.addEventListener('change', (state) => {
    if (state === 'active') push.reconnect();
  });
  return () => remove();
}
