import type { PushClient } from '../connect.js';
import type { PublishOptions } from '../publisher.js';

/** A client, whatever topics it declares: what is shown of it depends on no declaration. */
export interface AnyClient extends Pick<
  PushClient,
  | 'url'
  | 'options'
  | 'status'
  | 'transport'
  | 'read'
  | 'send'
  | 'reconnect'
  | 'rest'
  | 'close'
  | 'onStatus'
  | 'onGap'
  | 'onEnded'
  | 'onError'
> {
  publish(topic: never, data: never, options?: PublishOptions): Promise<string | undefined>;
}
