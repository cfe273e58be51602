/** The longest time that a timer can wait, in milliseconds: one that is set for longer fires at once. */
export const longestTimer = 2 ** 31 - 1;
