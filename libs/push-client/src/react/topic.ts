/**
 * What stands for a topic that is not known yet: the hook then reads nothing, and returns what it returns before anything has
 * come. So `useLatest(user && \`users.${user.id}\`)` waits for the user.
 */
export type Skip = undefined | null | false | '';
