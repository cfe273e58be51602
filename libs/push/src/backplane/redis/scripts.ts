import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** What scripts and commands are sent through: one connection, or those of a cluster. */
export type RedisClient = Redis | Cluster;

/** A Lua script: sent by its hash, and whole where the server does not have it yet. */
export class Script {
  private readonly hash: string;

  constructor(private readonly source: string) {
    this.hash = createHash('sha1').update(source).digest('hex');
  }

  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await client.evalsha(this.hash, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(this.source, keys.length, ...keys, ...args);
    }
  }
}

/** Publishes a message by way of the node that has a key. KEYS: any of the log. ARGV: channel, message. */
export const publishScript = new Script(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

/*
 * What the scripts share. A server process has a `run_id` of its own: another one means a restart, a failover or a moved
 * slot, after which the newest events may be missing, for Redis acknowledges before it replicates or syncs. Where INFO is
 * not allowed, that goes unnoticed.
 */
const currentRun = `
local info = redis.pcall('INFO', 'server')
local _, before = string.find(type(info) == 'string' and info or '', 'run_id:', 1, true)
local run = before and info:sub(before + 1, before + 40) or ''
`;

/**
 * Opens the log. It makes one where there is none, and sees to what another server process means: the sequence jumps, so
 * that numbers of events that may be lost are never given again, and a node that has seen an event which the server has
 * not makes it another log.
 *
 * KEYS: log, epochs, runs. ARGV: key of a feed without its epoch, a new epoch, the epoch and the sequence of the caller.
 * Returns epoch, run, the sequence where the epoch began, that of the newest event, id of the newest entry in epochs.
 */
export const openScript = new Script(`
${currentRun}
local log = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'sequence', 'start')
local epoch, sequence, start = log[1], tonumber(log[3] or '0'), tonumber(log[4] or '0')

local function begin()
  if epoch then redis.call('UNLINK', ARGV[1] .. epoch) end
  epoch, start = ARGV[2], sequence
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'run', run, 'start', start, 'sequence', sequence)
  redis.call('DEL', KEYS[3])
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 16, '*', 'epoch', epoch)
end

if not epoch then
  begin()
elseif log[2] ~= run then
  local base = sequence
  sequence = sequence + 16777216
  redis.call('HSET', KEYS[1], 'run', run, 'sequence', sequence)
  redis.call('RPUSH', KEYS[3], string.format('%d %d', base, sequence))
  redis.call('LTRIM', KEYS[3], -100, -1)
  redis.call('XADD', ARGV[1] .. epoch, string.format('%d-0', sequence), 'base', string.format('%d', base))
end

if ARGV[3] == epoch then
  local seen = tonumber(ARGV[4])
  local lost = seen > sequence
  for _, jump in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
    local base, target = jump:match('(%d+) (%d+)')
    if seen > tonumber(base) and seen < tonumber(target) then lost = true end
  end
  if lost then begin() end
end

local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
return {epoch, run, start, sequence, newest and newest[1] or '0-0'}
`);

/**
 * Stores a batch, or finds that it is stored. Nothing happens unless the log is the one that the node believes in. What
 * many events share is sent once: each value costs on both sides.
 *
 * KEYS: log, feed, topics, names, writer, then the list of each topic, then for each message id its key.
 * ARGV: "epoch run", number of the batch, "milliseconds for message ids, length of the feed, most topics", key of a topic
 * without its name, number of topics, number of events, then for each topic "events age name" (what it keeps; no age is for
 * ever), then for each event the number of its topic (0 for a probe) and its body, then for each message id the number of
 * its event.
 * Returns the events' sequences in order, or nothing if the log is another one.
 */
export const appendScript = new Script(`
${currentRun}
local log = redis.call('HMGET', KEYS[1], 'epoch', 'run')
if not log[1] or log[1] .. ' ' .. log[2] ~= ARGV[1] or run ~= log[2] then return false end

local number = tonumber(ARGV[2])
local last, results = (redis.call('GET', KEYS[5]) or '0 '):match('^(%d+) (.*)$')
if tonumber(last) == number then return results end
if tonumber(last) > number then return redis.error_reply('STALE this batch was given up') end

local remember, length, most = ARGV[3]:match('^(%d+) (%d+) (%d+)$')
local topics, count = tonumber(ARGV[5]), tonumber(ARGV[6])
local bodies = 6 + topics
local ids = {}
for i = 1, #KEYS - 5 - topics do ids[tonumber(ARGV[bodies + count * 2 + i])] = KEYS[5 + topics + i] end

local sequences, offsets, firsts, fresh = {}, {}, {}, 0
for i = 1, count do
  local id = ids[i]
  local known = id and redis.call('GET', id)
  if known then
    sequences[i] = known
  elseif id and firsts[id] then
    offsets[i] = offsets[firsts[id]]
  else
    fresh = fresh + 1
    offsets[i] = fresh
    if id then firsts[id] = i end
  end
end
local base = 0
if fresh > 0 then base = redis.call('HINCRBY', KEYS[1], 'sequence', fresh) - fresh end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local groups = {}
for i = 1, count do
  if not sequences[i] then
    local id = ids[i]
    local sequence = string.format('%d', base + offsets[i])
    sequences[i] = sequence
    if not id or firsts[id] == i then
      if id then redis.call('SET', id, sequence, 'PX', remember) end
      local topic, body = tonumber(ARGV[bodies + i * 2 - 1]), ARGV[bodies + i * 2]
      if topic == 0 then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, sequence .. '-0', 'probe', body)
      else
        local group = groups[topic]
        if not group then
          local events, age, name = ARGV[6 + topic]:match('^(%d+) (%d*) (.*)$')
          group = {list = KEYS[5 + topic], name = name, events = tonumber(events), age = tonumber(age)}
          groups[topic] = group
        end
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, sequence .. '-0', 't', group.name, 'b', body)
        group.last = sequence
        group[#group + 1] = string.format('%s %d %s', sequence, now, body)
      end
    end
  end
end

local function keep(group)
  local length = redis.call('RPUSH', group.list, unpack(group))
  if length == #group then
    -- The list is new; the topic may not be. What it once had is gone, and the first entry says so.
    local previous = redis.call('ZSCORE', KEYS[3], group.name) or redis.call('HGET', KEYS[1], 'floor')
    if previous then length = redis.call('LPUSH', group.list, string.format('%d 0 ', previous)) end
  end
  if length > group.events + 1 then redis.call('LTRIM', group.list, -(group.events + 1), -1) end
  if not group.age then
    redis.call('PERSIST', group.list)
    return
  end
  redis.call('PEXPIRE', group.list, group.age)
  for _ = 1, #group * 2 + 8 do
    local second = redis.call('LINDEX', group.list, 1)
    if not second or tonumber(second:match('^%d+ (%d+)')) + group.age > now then break end
    redis.call('LPOP', group.list)
  end
end

for _, group in pairs(groups) do
  if group.events > 0 then keep(group) end
  if redis.call('ZADD', KEYS[3], group.last, group.name) == 1 then
    redis.call('ZADD', KEYS[4], 0, group.name)
    if redis.call('ZCARD', KEYS[3]) > tonumber(most) then
      local oldest = redis.call('ZPOPMIN', KEYS[3])
      redis.call('ZREM', KEYS[4], oldest[1])
      redis.call('UNLINK', ARGV[4] .. oldest[1])
      redis.call('HSET', KEYS[1], 'floor', oldest[2])
    end
  end
end

results = table.concat(sequences, ' ')
redis.call('SET', KEYS[5], ARGV[2] .. ' ' .. results, 'PX', 600000)
return results
`);

/**
 * Reads from the lists of topics.
 *
 * KEYS: log, then the topics' lists. ARGV: epoch, sequence to start behind, events for each topic at most (0 for only the
 * newest one), then for each topic the events and the age that it keeps (empty for ever).
 * Returns nothing if the log is another one, else for each topic the sequence of its newest lost event behind the start
 * ("0" for none; "" where no list is left), whether there is more, and entries "sequence time body".
 */
export const readScript = new Script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
local after, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function stamp(list, index)
  local sequence, time = redis.call('LINDEX', list, index):match('^(%d+) (%d+)')
  return tonumber(sequence), tonumber(time)
end

-- The first index from low on (and below high) whose entry is not yet to be passed over.
local function search(list, low, high, passes)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if passes(stamp(list, middle)) then low = middle + 1 else high = middle end
  end
  return low
end

local function read(list, events, age)
  local length = redis.call('LLEN', list)
  if length == 0 or events <= 0 then return {'', 0} end
  local function isGone(_, time) return time == 0 or (age and time + age <= now) end
  local retained = search(list, math.max(0, length - events), length, isGone)
  if limit == 0 then
    if retained == length then return {'0', 0} end
    return {'0', 0, redis.call('LINDEX', list, -1)}
  end
  local first = search(list, retained, length, function(sequence) return sequence <= after end)
  local lost = 0
  if retained > 0 then
    local sequence = stamp(list, retained - 1)
    if sequence > after then lost = sequence end
  end
  local entries = redis.call('LRANGE', list, first, first + limit - 1)
  return {string.format('%d', lost), first + #entries < length and 1 or 0, unpack(entries)}
end

local topics = {}
for i = 2, #KEYS do
  topics[i - 1] = read(KEYS[i], tonumber(ARGV[i * 2]), tonumber(ARGV[i * 2 + 1]))
end
return topics
`);
