/** How to tell whether a topic matches `pattern`: `*` stands for one token, `>` at the end for one or more. */
export function matcher(pattern: string): (topic: string) => boolean {
  if (!/[*>]/.test(pattern)) return (topic) => topic === pattern;
  const source = pattern
    .replace(/[\\^$+?()[\]{}|/.-]/g, '\\$&')
    .replace(/\*/g, '[^.]+')
    .replace('>', '.+');
  const grammar = new RegExp(`^${source}$`);
  return (topic) => grammar.test(topic);
}
