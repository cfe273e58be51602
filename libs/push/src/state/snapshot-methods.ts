import type { ModulesContainer } from '@nestjs/core';
import { decoratedMethods } from '../bus/decorated-methods.js';
import { PushError } from '../contracts/errors.js';
import { parametersIn } from '../contracts/parameters.js';
import { isTopic } from '../contracts/topic.js';
import { snapshotMetadata, type DeclaredSnapshot, type SnapshotContext } from './push-snapshot.decorator.js';

/** A method that loads the state of a topic, and the values of its parameters. */
export interface SnapshotMethod {
  readonly name: string;
  readonly shared: boolean;
  readonly params: Readonly<Record<string, string>>;
  call(context: SnapshotContext): unknown;
}

type Declared = DeclaredSnapshot & Pick<SnapshotMethod, 'name' | 'call'>;

/** The application's `@PushSnapshot()` methods. */
export class SnapshotMethods {
  private readonly all: readonly Declared[];

  /** @throws PushError `INVALID_OPTION` for a method of a request-scoped provider, and for a pattern that two methods have */
  constructor(modules: ModulesContainer) {
    const byPattern = new Map<string, Declared>();
    for (const { metadata, name, isPerRequest, call } of decoratedMethods<DeclaredSnapshot, SnapshotContext>(
      modules,
      snapshotMetadata,
    )) {
      if (isPerRequest)
        throw invalid(
          `${name}() cannot belong to a request-scoped provider: snapshots are loaded outside requests.`,
        );
      const { wide } = metadata.pattern;
      const other = byPattern.get(wide);
      if (other && other.name !== name)
        throw invalid(`${name}() and ${other.name}() both load ${wide}. Leave one of them.`);
      byPattern.set(wide, { ...metadata, name, call });
    }
    this.all = [...byPattern.values()].sort((one, another) => (orderOf(one) < orderOf(another) ? -1 : 1));
  }

  /** How many there are. */
  get size(): number {
    return this.all.length;
  }

  /** The method for a topic; `undefined` if there is none. */
  of(topic: string): SnapshotMethod | undefined {
    if (!isTopic(topic)) return undefined;
    for (const { pattern, ...method } of this.all) {
      const params = parametersIn(topic, pattern);
      if (params) return { ...method, params };
    }
    return undefined;
  }
}

/** Literal tokens come first, from the left. */
function orderOf({ pattern }: Declared): string {
  const ranks = pattern.wide.split('.').map((token) => (token === '>' ? 2 : token === '*' ? 1 : 0));
  return ranks.join('');
}

function invalid(message: string): PushError {
  return new PushError('INVALID_OPTION', message);
}
