import { isObject } from '../../clients/message-fields.js';
import { readLook, viewGrammar, type Look } from './look.js';

/** What nodes tell each other of views, as control messages. */
export type ViewMessage =
  /** The node holds the view's stream, and says so again and again: the others answer. `isNew` begins with the past. */
  | {
      readonly kind: 'watch';
      readonly view: string;
      readonly node: string;
      readonly look: Look;
      readonly isNew: boolean;
    }
  /** A node was told what the view looks at: for the one that holds its stream. */
  | { readonly kind: 'look'; readonly view: string; readonly node: string; readonly look: Look }
  /** The node holds the stream no longer. */
  | { readonly kind: 'leave'; readonly view: string; readonly node: string };

/** By which other messages are told apart before they are parsed. */
const beginning = '{"dashboard":';

export function writeViewMessage(message: ViewMessage): string {
  return `${beginning}${JSON.stringify(message)}}`;
}

/** `undefined` for all other messages, and for those of a version that this one does not understand. */
export function readViewMessage(text: string): ViewMessage | undefined {
  if (!text.startsWith(beginning)) return undefined;
  try {
    const { dashboard } = JSON.parse(text) as { dashboard: unknown };
    return isObject(dashboard) ? messageOf(dashboard as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function messageOf({ kind, view, node, look, isNew }: Record<string, unknown>): ViewMessage | undefined {
  if (typeof view !== 'string' || !viewGrammar.test(view) || typeof node !== 'string') return undefined;
  if (kind === 'leave') return { kind, view, node };
  if (!isObject(look)) return undefined;
  if (kind === 'look') return { kind, view, node, look: readLook(look) };
  if (kind === 'watch') return { kind, view, node, look: readLook(look), isNew: isNew === true };
  return undefined;
}
