import { Script } from './script.js';

/**
 * Finds removals that are to be dropped.
 *
 * KEYS: log, tombstones. ARGV: epoch, how many at most.
 * Returns nothing if the log is another one, else the milliseconds until the next one is to be dropped (empty if there is
 * none), then the topics of those that are due.
 */
export const dueScript = new Script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[2])
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {first[2] and string.format('%d', math.max(0, first[2] - now)) or '', unpack(due)}
`);

/**
 * Drops removals that are still due. What goes is noted for each rule: up to there, topics of it that are not there may have
 * had a removal. Where a node of a version that knows of no state has published since, that is the state.
 *
 * KEYS: log, states, names of states, tombstones, topics, then the list of each topic.
 * ARGV: epoch, most rules, then for each topic the pattern of its rule and its name.
 * Returns nothing if the log is another one.
 */
export const dropScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born', 'floors')
if log[1] ~= ARGV[1] then return false end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local floors, count = {}, 0
local function raise(pattern, sequence)
  if not floors[pattern] then count = count + 1 end
  floors[pattern] = math.max(floors[pattern] or 0, sequence)
end
for pattern, sequence in (log[3] or ''):gmatch('(%S+) (%d+) ') do raise(pattern, tonumber(sequence)) end
for i = 6, #KEYS do
  local pattern, topic = ARGV[i * 2 - 9], ARGV[i * 2 - 8]
  local time = redis.call('ZSCORE', KEYS[4], topic)
  if time and tonumber(time) <= now then
    local sequence = redis.call('ZSCORE', KEYS[2], topic)
    redis.call('ZREM', KEYS[4], topic)
    local other = redis.call('ZSCORE', KEYS[5], topic)
    if sequence and other and tonumber(other) > tonumber(sequence) then
      redis.call('ZADD', KEYS[2], other, topic)
    elseif sequence then
      raise(pattern, tonumber(sequence))
      redis.call('ZREM', KEYS[2], topic)
      redis.call('ZREM', KEYS[3], topic)
      redis.call('UNLINK', KEYS[i])
    end
  end
end
local text, all = {}, 0
for pattern, sequence in pairs(floors) do
  text[#text + 1] = string.format('%s %d ', pattern, sequence)
  all = math.max(all, sequence)
end
if count > tonumber(ARGV[2]) then text = {string.format('> %d ', all)} end
redis.call('HSET', KEYS[1], 'floors', table.concat(text))
return 1
`);

/**
 * What is known of state that is not there. It is asked last, after what was read: what goes meanwhile is told too.
 *
 * KEYS: log, states. ARGV: epoch, topics.
 * Returns nothing if the log is another one, else up to where topics that the index does not name may have had events, the
 * floors of the rules, then for each topic 1 if it is there.
 */
export const goneScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born', 'floors', 'states', 'sequence')
if log[1] ~= ARGV[1] then return false end
if not log[4] then return {'0', ''} end
local mark = redis.call('ZSCORE', KEYS[2], ' ' .. (log[2] or ''))
local found = {mark or log[5], log[3] or ''}
for i = 2, #ARGV do found[#found + 1] = mark and redis.call('ZSCORE', KEYS[2], ARGV[i]) and '1' or '' end
return found
`);
