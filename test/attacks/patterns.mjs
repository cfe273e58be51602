const letters = 'abcdefghijklmnopqrstuvwxyz';

/** The most tokens that a topic may have. */
export const maxTokens = 32;

export const letter = () => letters[Math.floor(Math.random() * letters.length)];

/** `head`, and letters as tokens after it, as deep as topics may be. */
export function deep(head) {
  const tokens = head.split('.');
  while (tokens.length < maxTokens) tokens.push(letter());
  return tokens.join('.');
}

/**
 * So many patterns that match nothing: as many of them as are allowed have a wildcard before their last token, which makes
 * them expensive, and the others end with one.
 */
export function fruitless(count, inner, name) {
  return Array.from({ length: count }, (_, n) =>
    n < inner ? `news.*.*.q${name}x${n}` : `news.item.q${name}x${n}.*`,
  );
}
