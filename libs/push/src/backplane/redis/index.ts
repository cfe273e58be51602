/* nestjs-push/redis. Needs ioredis. */
export { redisBackplane, RedisBackplane } from './redis.backplane.js';
export type { RedisBackplaneOptions } from './redis.options.js';
export type { RedisClient } from './script.js';
