import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client, delay } from '../clients.mjs';
import { fruitless } from '../patterns.mjs';
import { RedisServer } from '../redis-server.mjs';
import { Target } from '../target-process.mjs';

const run = promisify(execFile);

/** One message asks a node that has just started for all of the past, which is at the server. */
export const redisHistory = {
  name: 'redis-history',
  title: 'a fresh node over Redis: 254 patterns that match nothing, from earliest, over 9,000 topics',

  /** Another node has filled the server; this one has nothing in its window. */
  async options(push) {
    this.server = await RedisServer.start();
    const other = await Target.start({ push, redis: this.server.port });
    await other.ask('publish', { topic: 'news.item', count: 9_000, topics: 9_000, suffix: '.part' });
    this.first = (await other.ask('publish', { topic: 'news.quiet', count: 2 })).first;
    await other.stop();
    return { redis: this.server.port };
  },

  async play(target) {
    const before = await calls(this.server.port);
    const client = await Client.open(target);
    const topics = fruitless(254, client.innerWildcards, 'a');
    const attack = client.ask('subscribe', { topics, from: 'earliest' }, { answer: ['live', 'error'] });
    await delay(100);
    const began = performance.now();
    const reader = await Client.open(target, 'reader');
    const live = { answer: ['live', 'error'] };
    const answer = await reader.ask('subscribe', { topics: ['news.quiet'], from: this.first }, live);
    const waited = Math.round(performance.now() - began);
    const isAnswered = (await attack) !== undefined;
    const made = (await calls(this.server.port)) - before;
    client.leave();
    reader.leave();
    const faults = isAnswered ? [] : ['it was never answered'];
    if (answer?.event !== 'live') faults.push('a reader was not served');
    return { note: `${made} calls of Redis; a reader's resume took ${waited} ms meanwhile`, faults };
  },

  clean() {
    return this.server?.stop();
  },
};

/** How many commands the server has run. */
async function calls(port) {
  const { stdout } = await run('redis-cli', ['-p', `${port}`, 'info', 'stats']);
  return Number(/total_commands_processed:(\d+)/.exec(stdout)[1]);
}
