import { metaOf } from './history-scripts.js';
import { currentRun } from './log-scripts.js';
import { Script } from './script.js';

/**
 * Stores a batch, or finds that it is stored. Nothing happens unless the log is the one that the node believes in. What
 * many events share is sent once: each value costs on both sides.
 *
 * A server may evict any key, so that what is not there is not known, rather than empty. So a list says in its first entry
 * up to where its topic's events are gone, and both indexes hold a mark, which stands for the topics that they do not
 * name: those may have had anything up to its score. An index without the mark is made anew, with all that was stored up to
 * now as unknown. Number and results of a node's last batch are in the log's hash: evicted with it, never without.
 *
 * State topics have indexes of their own, beside the others: they are never dropped for others. What is expected of one is
 * compared in the order of the events, also with those of the same batch.
 *
 * A finite topic has ended if the newest entry of its list is an end. A removal empties the list, without a loss.
 *
 * KEYS: log, feed, topics, names, states, names of states, tombstones, then the list of each topic, then for each message id its key.
 * ARGV: "epoch run", "node number" of the batch, "milliseconds for message ids, length of the feed, most topics", key of a
 * topic without its name, number of topics, number of events, number of message ids, then for each topic "events age
 * tombstones ends name" (what it keeps; no age is for ever; a state topic has tombstones, and a finite one f and the time of
 * its end, and then tombstones), then for each event the
 * number of its topic (0 for a probe) and its body, then for each message id the number of its event, then for each event of
 * which there is more to say "event expected removal": the sequence that it expects ("" for none, 0 for no state, ? for one
 * that cannot be there), and 1 if it is a removal.
 * Returns the events' sequences in order, or nothing if the log is another one. A conflict is an x, and the sequence that is
 * there, if one is. What comes after an end is an e.
 */
export const appendScript = new Script(`
${currentRun}
local node, number = ARGV[2]:match('^(%S+) (%d+)$')
local writer = 'writer ' .. node
local log = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'born', writer, 'states')
if not log[1] or log[1] .. ' ' .. log[2] ~= ARGV[1] or run ~= log[2] then return false end
local born, mark = log[3] or '', ' ' .. (log[3] or '')

local last, results = (log[4] or '0 0 '):match('^(%d+) %d+ (.*)$')
if last == number then return results end
if tonumber(last) > tonumber(number) then return redis.error_reply('STALE this batch was given up') end

local remember, length, most = ARGV[3]:match('^(%d+) (%d+) (%d+)$')
local topics, count, idCount = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local bodies = 7 + topics
local ids, expected, removals = {}, {}, {}
for i = 1, idCount do ids[tonumber(ARGV[bodies + count * 2 + i])] = KEYS[7 + topics + i] end
for i = bodies + count * 2 + idCount + 1, #ARGV do
  local event, sequence, removal = ARGV[i]:match('^(%d+) (%S*) (%d*)$')
  if sequence ~= '' then expected[tonumber(event)] = sequence end
  removals[tonumber(event)] = removal == '1'
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local clock = string.format('%d', now)

local known = {}
local function groupOf(topic)
  local group = known[topic]
  if not group then
    local events, age, tombstones, finite, ttl, name = ARGV[7 + topic]:match('^(%d+) (%d*) (%d*) (f?)(%d*) (.*)$')
    group = {list = KEYS[7 + topic], name = name, events = tonumber(events), age = tonumber(age)}
    group.tombstones = tonumber(tombstones)
    if finite == 'f' then
      group.finite = {ttl = tonumber(ttl), tombstones = group.tombstones}
      group.tombstones = nil
    end
    known[topic] = group
  end
  return group
end
${metaOf}
-- Whether the newest event of a finite topic is an end that is still kept.
local function hasEnded(group)
  if group.ended == nil then
    group.ended = false
    local first = redis.call('LINDEX', group.list, 0)
    if first and first:match('^%d+ 0 (.*)$') == born and redis.call('LLEN', group.list) > 1 then
      local newest, ttl = redis.call('LINDEX', group.list, -1), group.finite.ttl
      group.ended = isEnd(newest) and (not ttl or newest:match('^%d+ (%d+)') + ttl > now)
    end
  end
  return group.ended
end

local function score(key, name) return redis.call('ZSCORE', key, mark) and redis.call('ZSCORE', key, name) end

-- The newest event of a topic that the index of states does not name, though it may have one: the index was evicted.
local function unnamed(list)
  local unknown = redis.call('ZSCORE', KEYS[5], mark)
  if not log[5] or (unknown and tonumber(unknown) == 0) then return nil end
  local first = redis.call('LINDEX', list, 0)
  if not first or first:match('^%d+ 0 (.*)$') ~= born or redis.call('LLEN', list) < 2 then return nil end
  return redis.call('LINDEX', list, -1):match('^%d+')
end

-- Whether what an event expects is there; what is there is in the group, or will be when the events before it are stored.
local function holds(group, want)
  if not group.isLookedAt then
    group.isLookedAt = true
    local state, other = score(KEYS[5], group.name), score(KEYS[3], group.name)
    -- A node of a version that knows of no state has published to it since.
    if state and other and tonumber(other) > tonumber(state) then state = nil end
    group.newest = state or (not other and unnamed(group.list)) or other or ''
    group.removed = state and redis.call('ZSCORE', KEYS[7], group.name)
  end
  if want == '0' then return group.removed or (group.newest == '' and not group.offset) end
  return not group.offset and group.newest ~= '' and tonumber(group.newest) == tonumber(want)
end

local sequences, offsets, firsts, fresh = {}, {}, {}, 0
local conflicts = {}
for i = 1, count do
  local id = ids[i]
  local known = id and redis.call('GET', id)
  local sequence, of = (known or ''):match('^(%d+) (.*)$')
  if sequence and of == born then
    sequences[i] = sequence
  elseif id and firsts[id] then
    offsets[i] = offsets[firsts[id]]
  else
    local want, topic = expected[i], tonumber(ARGV[bodies + i * 2 - 1])
    local group = topic > 0 and groupOf(topic)
    if want and not holds(group, want) then
      conflicts[i] = group.offset or 'x' .. group.newest
    elseif group and group.finite and not removals[i] and hasEnded(group) then
      conflicts[i] = 'e'
    else
      fresh = fresh + 1
      offsets[i] = fresh
      if id then firsts[id] = i end
      if group and group.tombstones then
        group.isLookedAt = true
        group.offset, group.removed = fresh, removals[i]
      elseif group and group.finite then
        group.ended = not removals[i] and isEnd(ARGV[bodies + i * 2])
      end
    end
  end
end
local base = 0
if fresh > 0 then base = redis.call('HINCRBY', KEYS[1], 'sequence', fresh) - fresh end

local groups, hasStates = {}, false
for i = 1, count do
  local conflict = conflicts[i]
  if conflict then
    sequences[i] = type(conflict) == 'number' and string.format('x%d', base + conflict) or conflict
  elseif not sequences[i] then
    local id = ids[i]
    local sequence = string.format('%d', base + offsets[i])
    sequences[i] = sequence
    if not id or firsts[id] == i then
      if id then redis.call('SET', id, sequence .. ' ' .. born, 'PX', remember) end
      local topic, body = tonumber(ARGV[bodies + i * 2 - 1]), ARGV[bodies + i * 2]
      if topic == 0 then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, sequence .. '-0', 'probe', body)
      else
        local group = groupOf(topic)
        groups[topic] = group
        if group.tombstones then hasStates = true end
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, sequence .. '-0', 't', group.name, 'b', body, 'm', clock)
        group.last = sequence
        if group.finite then
          group.removed = removals[i]
          if group.removed then
            group.isCleared = true
            for j = #group, 1, -1 do group[j] = nil end
          end
        end
        group[#group + 1] = sequence .. ' ' .. clock .. ' ' .. body
      end
    end
  end
end

-- Whether everything up to the base is there, and is no event: health checks may come before the first one.
local function isFresh()
  if base > 1000 then return false end
  local entries = redis.call('XRANGE', KEYS[2], '-', string.format('%d', base))
  for _, entry in ipairs(entries) do
    if entry[2][1] ~= 'probe' then return false end
  end
  return #entries == base
end

local floor
if next(groups) then
  floor = redis.call('ZSCORE', KEYS[3], mark)
  if not floor or not redis.call('ZSCORE', KEYS[4], mark) then
    floor = isFresh() and 0 or base
    redis.call('UNLINK', KEYS[3], KEYS[4])
    redis.call('ZADD', KEYS[3], floor, mark)
    redis.call('ZADD', KEYS[4], 0, mark)
  end
end

if hasStates and not (redis.call('ZSCORE', KEYS[5], mark) and redis.call('ZSCORE', KEYS[6], mark)) then
  -- Where there never was one, nothing is unknown.
  local unknown = log[5] and base or 0
  redis.call('UNLINK', KEYS[5], KEYS[6], KEYS[7])
  redis.call('ZADD', KEYS[5], unknown, mark)
  redis.call('ZADD', KEYS[6], 0, mark)
  redis.call('HSET', KEYS[1], 'states', 1)
end

-- The first of these entries is gone, and stands for all before it.
local function cut(list, index)
  local gone = redis.call('LINDEX', list, index):match('^%d+')
  redis.call('LTRIM', list, index, -1)
  redis.call('LSET', list, 0, gone .. ' 0 ' .. born)
end

-- How long the newest event of a topic is kept: ends and removals of finite topics at least as long as other events.
local function ageOfNewest(group)
  local finite, age = group.finite, group.age
  if not finite or not age or not (group.ended or group.removed) then return age end
  local own = finite.tombstones
  if group.ended then own = finite.ttl end
  return own and math.max(own, age)
end

local function keep(group)
  local list = group.list
  local first = redis.call('LINDEX', list, 0)
  if group.isCleared then
    redis.call('UNLINK', list)
    redis.call('RPUSH', list, '0 0 ' .. born)
  elseif not first or first:match('^%d+ 0 (.*)$') ~= born then
    local previous = redis.call('ZSCORE', KEYS[3], group.name) or floor
    redis.call('UNLINK', list)
    redis.call('RPUSH', list, string.format('%d 0 ', previous) .. born)
  end
  local excess = redis.call('RPUSH', list, unpack(group)) - 1 - group.events
  if excess > 0 then cut(list, excess) end
  local age = ageOfNewest(group)
  if age then
    redis.call('PEXPIRE', list, age)
  else
    redis.call('PERSIST', list)
  end
  if not group.age then return end
  local old, most = 0, #group * 2 + 8
  if age ~= group.age then most = math.min(most, redis.call('LLEN', list) - 2) end
  for i = 1, most do
    local entry = redis.call('LINDEX', list, i)
    if not entry or tonumber(entry:match('^%d+ (%d+)')) + group.age > now then break end
    old = i
  end
  if old > 0 then cut(list, old) end
end

local function indexState(group)
  if redis.call('ZADD', KEYS[5], group.last, group.name) == 1 then redis.call('ZADD', KEYS[6], 0, group.name) end
  if redis.call('ZREM', KEYS[3], group.name) == 1 then redis.call('ZREM', KEYS[4], group.name) end
  if group.removed then
    redis.call('ZADD', KEYS[7], now + group.tombstones, group.name)
  else
    redis.call('ZREM', KEYS[7], group.name)
  end
end

for _, group in pairs(groups) do
  if group.events > 0 then keep(group) end
  if group.tombstones then
    indexState(group)
  elseif redis.call('ZADD', KEYS[3], group.last, group.name) == 1 then
    redis.call('ZADD', KEYS[4], 0, group.name)
    if log[5] and redis.call('ZREM', KEYS[5], group.name) == 1 then
      redis.call('ZREM', KEYS[6], group.name)
      redis.call('ZREM', KEYS[7], group.name)
    end
    if redis.call('ZCARD', KEYS[3]) > tonumber(most) + 1 then
      local oldest = redis.call('ZRANGE', KEYS[3], 0, 1, 'WITHSCORES')
      local at = oldest[1] == mark and 3 or 1
      redis.call('ZREM', KEYS[3], oldest[at])
      redis.call('ZREM', KEYS[4], oldest[at])
      redis.call('UNLINK', ARGV[4] .. oldest[at])
      redis.call('ZADD', KEYS[3], oldest[at + 1], mark)
    end
  end
end

-- Nodes that are gone for ten minutes ask for nothing any more.
if not log[4] then
  local fields = redis.call('HGETALL', KEYS[1])
  for i = 1, #fields, 2 do
    local stored = fields[i]:find('^writer ') and fields[i + 1]:match('^%d+ (%d+)')
    if stored and tonumber(stored) < now - 600000 then redis.call('HDEL', KEYS[1], fields[i]) end
  end
end
results = table.concat(sequences, ' ')
redis.call('HSET', KEYS[1], writer, number .. ' ' .. clock .. ' ' .. results)
return results
`);
