/**
 * Returns a function that tells whether a topic matches `pattern`. `*` stands for one token, `>` at the end for one or more.
 * Neither stands for a first token that begins with `$`: those topics are reserved.
 */
export function matcher(pattern: string): (topic: string) => boolean {
  const source = pattern
    .replace(/[^\w*>]/g, '\\$&')
    .replace(/[*>]/g, (wildcard) => `(?!^\\$)${wildcard === '*' ? '[^.]' : '.'}+`);
  const grammar = new RegExp(`^${source}$`);
  return (topic) => grammar.test(topic);
}
