-- How nodes of the versions before state topics and metadata store events, word for word: see older-redis-node.ts.
local info = redis.pcall('INFO', 'server')
local _, before = string.find(type(info) == 'string' and info or '', 'run_id:', 1, true)
local run = before and info:sub(before + 1, before + 40) or ''
local node, number = ARGV[2]:match('^(%S+) (%d+)$')
local writer = 'writer ' .. node
local log = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'born', writer)
if not log[1] or log[1] .. ' ' .. log[2] ~= ARGV[1] or run ~= log[2] then return false end
local born, mark = log[3] or '', ' ' .. (log[3] or '')

local last, results = (log[4] or '0 0 '):match('^(%d+) %d+ (.*)$')
if last == number then return results end
if tonumber(last) > tonumber(number) then return redis.error_reply('STALE this batch was given up') end

local remember, length, most = ARGV[3]:match('^(%d+) (%d+) (%d+)$')
local topics, count = tonumber(ARGV[5]), tonumber(ARGV[6])
local bodies = 6 + topics
local ids = {}
for i = 1, #KEYS - 4 - topics do ids[tonumber(ARGV[bodies + count * 2 + i])] = KEYS[4 + topics + i] end

local sequences, offsets, firsts, fresh = {}, {}, {}, 0
for i = 1, count do
  local id = ids[i]
  local known = id and redis.call('GET', id)
  local sequence, of = (known or ''):match('^(%d+) (.*)$')
  if sequence and of == born then
    sequences[i] = sequence
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
local clock = string.format('%d', now)
local groups = {}
for i = 1, count do
  if not sequences[i] then
    local id = ids[i]
    local sequence = string.format('%d', base + offsets[i])
    sequences[i] = sequence
    if not id or firsts[id] == i then
      if id then redis.call('SET', id, sequence .. ' ' .. born, 'PX', remember) end
      local topic, body = tonumber(ARGV[bodies + i * 2 - 1]), ARGV[bodies + i * 2]
      if topic == 0 then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, sequence .. '-0', 'probe', body)
      else
        local group = groups[topic]
        if not group then
          local events, age, name = ARGV[6 + topic]:match('^(%d+) (%d*) (.*)$')
          group = {list = KEYS[4 + topic], name = name, events = tonumber(events), age = tonumber(age)}
          groups[topic] = group
        end
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', length, sequence .. '-0', 't', group.name, 'b', body, 'm', clock)
        group.last = sequence
        group[#group + 1] = sequence .. ' ' .. clock .. ' ' .. body
      end
    end
  end
end

local floor
if next(groups) then
  floor = redis.call('ZSCORE', KEYS[3], mark)
  if not floor or not redis.call('ZSCORE', KEYS[4], mark) then
    floor = base
    redis.call('UNLINK', KEYS[3], KEYS[4])
    redis.call('ZADD', KEYS[3], base, mark)
    redis.call('ZADD', KEYS[4], 0, mark)
  end
end

-- The first of these entries is gone, and stands for all before it.
local function cut(list, index)
  local gone = redis.call('LINDEX', list, index):match('^%d+')
  redis.call('LTRIM', list, index, -1)
  redis.call('LSET', list, 0, gone .. ' 0 ' .. born)
end

local function keep(group)
  local list = group.list
  local first = redis.call('LINDEX', list, 0)
  if not first or first:match('^%d+ 0 (.*)$') ~= born then
    local previous = redis.call('ZSCORE', KEYS[3], group.name) or floor
    redis.call('UNLINK', list)
    redis.call('RPUSH', list, string.format('%d 0 ', previous) .. born)
  end
  local excess = redis.call('RPUSH', list, unpack(group)) - 1 - group.events
  if excess > 0 then cut(list, excess) end
  if not group.age then
    redis.call('PERSIST', list)
    return
  end
  redis.call('PEXPIRE', list, group.age)
  local old = 0
  for i = 1, #group * 2 + 8 do
    local entry = redis.call('LINDEX', list, i)
    if not entry or tonumber(entry:match('^%d+ (%d+)')) + group.age > now then break end
    old = i
  end
  if old > 0 then cut(list, old) end
end

for _, group in pairs(groups) do
  if group.events > 0 then keep(group) end
  if redis.call('ZADD', KEYS[3], group.last, group.name) == 1 then
    redis.call('ZADD', KEYS[4], 0, group.name)
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
