import {
  callable,
  checkOptions,
  number,
  oneOf,
  text,
  milliseconds,
  type Checks,
} from '../contracts/option-checks.js';

/**
 * What happens to a message that is sent while the chat's answer to another one is being written: that answer is stopped
 * (`replace`), or the message is refused with 409 (`refuse`).
 */
export type WhenBusy = 'replace' | 'refuse';

/** What `PushChatModule.forRoot()` takes. */
export interface PushChatOptions {
  /** The first tokens of the chats' topics: the same as for `chatTopics()`. Default: `chats`. */
  readonly topics?: string;
  /** Default: `replace`. */
  readonly whenBusy?: WhenBusy;
  /**
   * What readers are told of an error that a source throws. The error is reported to `PushOptions.onError` besides. Errors of the
   * model do not get here: `toUIMessageStream({ onError })` makes chunks of them. Default: a text that says nothing about it.
   */
  readonly onError?: (error: unknown) => string;
  /**
   * For how long deltas of the same part are joined before they are sent, in milliseconds. 0 sends each as it comes. Default: 40.
   */
  readonly joinFor?: number;
  /** How long after its node's death an answer is ended by another node, in milliseconds: see `RunOptions.lease`. Default: 10,000. */
  readonly lease?: number;
  /** How long an answer may take, in milliseconds. Then it is stopped, and its readers are told. Default: no limit. */
  readonly timeout?: number;
}

/** The options, with their defaults. */
export interface ChatSettings {
  readonly topics: string;
  readonly whenBusy: WhenBusy;
  readonly textOf: ((error: unknown) => string) | undefined;
  readonly joinFor: number | undefined;
  readonly lease: number | undefined;
  readonly timeout: number | undefined;
}

/** Injects them. */
export const chatSettings = Symbol('ChatSettings');

const checks: Checks<PushChatOptions> = {
  topics: text,
  whenBusy: oneOf('replace', 'refuse'),
  onError: callable('a function that returns a text'),
  joinFor: number({ least: 0, most: 10_000, whole: false, of: 'milliseconds' }),
  lease: number({ least: 1_000, most: 3_600_000, of: 'milliseconds' }),
  timeout: milliseconds,
};

/** @throws PushError `INVALID_OPTION` */
export function chatSettingsOf(options: PushChatOptions): ChatSettings {
  checkOptions(options, checks);
  const { topics = 'chats', whenBusy = 'replace', onError, joinFor, lease, timeout } = options;
  return { topics, whenBusy, textOf: onError, joinFor, lease, timeout };
}
