/** The longest delay of a timer, in milliseconds. A timer with a longer one fires at once. */
export const longestTimer = 2 ** 31 - 1;
