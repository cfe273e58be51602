import { createContext, createElement, useContext, type ReactElement, type ReactNode } from 'react';
import type { AnyClient } from '../bindings/any-client.js';
import type { PushClient } from '../connect.js';
import type { PushTopics } from '../declared-topics.js';
import { PushError } from '../push-error.js';

const PushContext = /* @__PURE__ */ createContext<AnyClient | undefined>(undefined);

/** Properties of {@link PushProvider}. */
export interface PushProviderProps {
  /**
   * The client: what `connect` or `connectWith` returns. One that is `lazy` may be made in a module that a server loads as well.
   * The application closes it, not the provider.
   */
  readonly push: AnyClient;
  readonly children?: ReactNode;
}

/** Gives the client to the hooks of all components below. */
export function PushProvider({ push, children }: PushProviderProps): ReactElement {
  return createElement(PushContext.Provider, { value: push }, children);
}

/**
 * The client of the nearest {@link PushProvider}.
 *
 * @throws PushError `NO_PROVIDER` where there is none
 */
export function usePush<Topics = PushTopics>(): PushClient<Topics> {
  const push = useContext(PushContext);
  if (push) return push as PushClient<Topics>;
  throw new PushError('NO_PROVIDER', 'Put <PushProvider push={…}> around it.');
}
