import { isWildcard } from '../contracts/topic.js';

/** A set of topics and patterns that is asked many times whether it holds a topic. Immutable. */
export class TopicSet {
  /** Equal for equal sets, whatever the order they were given in. */
  readonly key: string;
  readonly patterns: readonly string[];
  readonly wildcards: readonly string[];
  private readonly all: ReadonlySet<string>;
  private readonly wildcardGrammar: RegExp | undefined;

  constructor(patterns: Iterable<string>) {
    this.all = new Set(patterns);
    this.patterns = [...this.all].sort();
    this.key = this.patterns.join(' ');
    this.wildcards = this.patterns.filter(isWildcard);
    this.wildcardGrammar =
      this.wildcards.length === 0 ? undefined : new RegExp(`^(?:${this.wildcards.map(source).join('|')})$`);
  }

  has(topic: string): boolean {
    return this.all.has(topic) || (this.wildcardGrammar?.test(topic) ?? false);
  }
}

function source(pattern: string): string {
  return pattern
    .split('.')
    .map((token) =>
      token === '*' ? '[^.]+' : token === '>' ? '.+' : token.replace(/[\\^$+?()[\]{}|/-]/g, '\\$&'),
    )
    .join('\\.');
}
