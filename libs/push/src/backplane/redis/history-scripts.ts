import { Script } from './script.js';

/*
 * Redis does nothing else while a script runs: each of these ends within about a millisecond, whatever it is asked, and
 * says how far it came. None of them takes what is not there for empty: see `appendScript`.
 */

/**
 * Defines `isEnd` and `isRemoval`, which look for metadata in an entry of a list, or in a body. Before the data there is one
 * line of JSON: a quote after a comma or a brace, and before one of these names, opens the name of a property.
 */
export const metaOf = `
local function has(entry, pattern)
  return entry:sub(1, entry:find('\\n', 1, true)):find(pattern) ~= nil
end
local function isEnd(entry) return has(entry, '[{,]"end":"') end
local function isRemoval(entry) return has(entry, '[{,]"removed":true') end
`;

/** Sets `begin` to the sequence after which a feed begins; it stays where there is no feed. */
const feedBegins = (feed: string) => `
local oldest = redis.call('XRANGE', ${feed}, '-', '+', 'COUNT', 1)[1]
if oldest then
  begin = oldest[2][1] == 'base' and oldest[2][2] or string.format('%d', tonumber(oldest[1]:match('^%d+')) - 1)
end
`;

/**
 * Finds the topics that may have something after a sequence.
 *
 * KEYS: log, topics, names, feed. ARGV: epoch, the sequence, how many topics of wildcards at most, number of exact topics,
 * the field of the log that says whether the index was ever made (empty if it always was), the exact topics, then what the names of wildcards' topics lie between, "low" and "high" in turn.
 * Returns nothing if the log is another one, else whether the wildcards' topics are too many to find, after which sequence
 * the feed begins, then for each topic its name and the sequence of its newest event (empty where that is not known).
 */
export const findScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born', 'sequence')
if log[1] ~= ARGV[1] then return false end
local after, most, exact = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if ARGV[5] ~= '' and not redis.call('HGET', KEYS[1], ARGV[5]) then return {0, log[3]} end
local mark = ' ' .. (log[2] or '')
local floor = redis.call('ZSCORE', KEYS[2], mark)
local hasNames = redis.call('ZSCORE', KEYS[3], mark)
local unknown = tonumber(floor or log[3])

local begin = log[3]
${feedBegins('KEYS[4]')}
local found = {0, begin}

local function look(names)
  for start = 1, #names, 1000 do
    local some = {unpack(names, start, math.min(start + 999, #names))}
    local scores = redis.call('ZMSCORE', KEYS[2], unpack(some))
    for i, name in ipairs(some) do
      local newest = floor and scores[i]
      if tonumber(newest or unknown) > after then
        found[#found + 1] = name
        found[#found + 1] = newest or ''
      end
    end
  end
end

local topics = {}
for i = 1, exact do topics[i] = ARGV[5 + i] end
look(topics)
if #ARGV == 5 + exact then return found end

local byName, byChange = math.huge, math.huge
if hasNames then
  byName = 0
  for i = 6 + exact, #ARGV, 2 do byName = byName + redis.call('ZLEXCOUNT', KEYS[3], ARGV[i], ARGV[i + 1]) end
end
if floor then byChange = redis.call('ZCOUNT', KEYS[2], '(' .. ARGV[2], '+inf') end
if byName <= most and byName <= byChange then
  for i = 6 + exact, #ARGV, 2 do look(redis.call('ZRANGEBYLEX', KEYS[3], ARGV[i], ARGV[i + 1])) end
elseif byChange <= most then
  local changed = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'WITHSCORES')
  for _, value in ipairs(changed) do found[#found + 1] = value end
else
  found[1] = 1
end
return found
`);

/**
 * The topics that changed after a sequence, in the order of their newest events.
 *
 * KEYS: log, topics. ARGV: epoch, the sequence, how many at most.
 * Returns nothing if the log is another one, else the sequence of the log if the index is not there (empty if it is), then
 * for each topic its name and the sequence of its newest event.
 */
export const changedScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born', 'sequence')
if log[1] ~= ARGV[1] then return false end
if not redis.call('ZSCORE', KEYS[2], ' ' .. (log[2] or '')) then return {log[3]} end
local changed = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
return {'', unpack(changed)}
`);

/**
 * Reads from the lists of topics, of as many as there is time for: of the first one at least one entry.
 *
 * KEYS: log, then the topics' lists. ARGV: epoch, events for each topic at most (0 for only the newest one), bytes for all
 * at most, how many of the newest events of each topic are wanted (empty for all) and up to which sequence, then for each
 * topic "after events age tombstones ends": the sequence to start after, and what it keeps (no age is for ever; f and the time
 * of its end for a finite topic).
 * Returns nothing if the log is another one, else for each topic that was read the sequence of its newest lost event after
 * the start ("0" for none; "" where no list is left), that of the next event that was not read ("" for none), and entries
 * "sequence time body".
 */
export const readScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born')
if log[1] ~= ARGV[1] then return false end
local born, limit, bytes = log[2] or '', tonumber(ARGV[2]), tonumber(ARGV[3])
${metaOf}
local newest, through = tonumber(ARGV[4]), tonumber(ARGV[5])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- What was looked at to find a place, in bytes: an entry is copied whole, however little of it is needed.
local looked, taken = 0, 0

local function stamp(list, index)
  local entry = redis.call('LINDEX', list, index)
  looked = looked + #entry
  local sequence, time = entry:match('^(%d+) (%d+)')
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

local function take(list, from, length, found)
  local index, chunk = from, 1
  while index < length and index - from < limit and (taken < bytes or (taken == 0 and #found == 2)) do
    local before = taken
    for _, entry in ipairs(redis.call('LRANGE', list, index, math.min(index + chunk, length, from + limit) - 1)) do
      found[#found + 1] = entry
      taken = taken + #entry
      index = index + 1
    end
    chunk = taken - before < 16384 and math.min(chunk * 2, 64) or 1
  end
  return index
end

-- How long the newest entry of a finite topic is kept, and its sequence, if it is an end or a removal.
local function ofItsOwn(list, age, tombstones, ttl)
  local entry = redis.call('LINDEX', list, -1)
  looked = looked + #entry
  local own, is = ttl, isEnd(entry)
  if not is then own, is = tombstones, isRemoval(entry) end
  if not is then return age, nil end
  return age and own and math.max(own, age), tonumber(entry:match('^%d+'))
end

local function read(list, after, events, age, tombstones, finite, ttl)
  local first = events > 0 and redis.call('LINDEX', list, 0)
  if not first or first:match('^%d+ 0 (.*)$') ~= born then return {'', ''} end
  local length = redis.call('LLEN', list)
  local own, newestOne = age, nil
  if finite == 'f' and length > 1 then own, newestOne = ofItsOwn(list, age, tombstones, ttl) end
  local function isGone(sequence, time)
    local kept = age
    if sequence == newestOne then kept = own end
    return kept and time + kept <= now
  end
  local retained = search(list, math.max(1, length - events), length, isGone)
  if limit == 0 then
    if retained == length then return {'0', ''} end
    local newest = redis.call('LINDEX', list, -1)
    taken = taken + #newest
    return {'0', '', newest}
  end
  local from = search(list, retained, length, function(sequence) return sequence <= after end)
  if newest then
    length = search(list, from, length, function(sequence) return sequence <= through end)
    from = math.max(from, length - newest)
  end
  local lost = stamp(list, retained - 1)
  local found = {string.format('%d', lost > after and lost or 0), ''}
  local index = take(list, from, length, found)
  if index < length then found[2] = string.format('%d', (stamp(list, index))) end
  return found
end

local topics = {}
for i = 2, #KEYS do
  local after, events, age, tombstones, finite, ttl = ARGV[i + 4]:match('^(%d+) (%d+) (%d*) (%d*) (f?)(%d*)$')
  age, tombstones, ttl = tonumber(age), tonumber(tombstones), tonumber(ttl)
  topics[i - 1] = read(KEYS[i], tonumber(after), tonumber(events), age, tombstones, finite, ttl)
  if looked > 1048576 or (limit == 0 and taken >= bytes) then break end
end
return topics
`);

/**
 * Reads the feed.
 *
 * KEYS: log, feed. ARGV: epoch, sequences from which and through which, how many entries at most, bytes at most.
 * Returns nothing if the log is another one, else how far it was read (empty if to the end), the sequence after which the
 * feed begins, the server's time, then for each event its sequence, its topic, when it was stored (empty if not known) and
 * its body.
 */
export const feedScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'sequence')
if log[1] ~= ARGV[1] then return false end
local from, most, bytes = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local begin = log[2]
${feedBegins('KEYS[2]')}
local clock = redis.call('TIME')
local found = {'', begin, string.format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000))}
local looked, taken, chunk = 0, 0, 4
while looked < most and taken < bytes do
  local before = taken
  local entries = redis.call('XRANGE', KEYS[2], from, ARGV[3], 'COUNT', chunk)
  for _, entry in ipairs(entries) do
    local sequence, fields = entry[1]:match('^%d+'), entry[2]
    found[1] = sequence
    if fields[1] == 't' then
      taken = taken + #fields[4]
      found[#found + 1] = sequence
      found[#found + 1] = fields[2]
      found[#found + 1] = fields[6] or ''
      found[#found + 1] = fields[4]
    end
  end
  looked = looked + #entries
  if #entries < chunk then
    found[1] = ''
    return found
  end
  from = string.format('%d', tonumber(found[1]) + 1)
  chunk = taken - before < 16384 and math.min(chunk * 2, 64) or 4
end
return found
`);

/**
 * Where the lists of topics begin: with that, what a removal took away and what is lost can be told from what is there.
 *
 * KEYS: log, then the topics' lists. ARGV: epoch. Returns nothing if the log is another one, else for each topic the sequence
 * up to which it lost events, and that of its oldest event (both empty where no list is left, the second where it is empty).
 */
export const beginningsScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born')
if log[1] ~= ARGV[1] then return false end
local found = {}
for i = 2, #KEYS do
  local first = redis.call('LINDEX', KEYS[i], 0)
  local lost = first and first:match('^(%d+) 0 ')
  if lost and first:match('^%d+ 0 (.*)$') ~= (log[2] or '') then lost = nil end
  local oldest = lost and redis.call('LINDEX', KEYS[i], 1)
  found[#found + 1] = lost or ''
  found[#found + 1] = oldest and oldest:match('^%d+') or ''
end
return found
`);

/**
 * Up to where topics that the index does not name may have had events. It is asked last, after what was read: what goes
 * meanwhile is told too.
 *
 * KEYS: log, topics. ARGV: epoch. Returns nothing if the log is another one, else the sequence.
 */
export const floorScript = new Script(`
local log = redis.call('HMGET', KEYS[1], 'epoch', 'born', 'sequence')
if log[1] ~= ARGV[1] then return false end
return redis.call('ZSCORE', KEYS[2], ' ' .. (log[2] or '')) or log[3]
`);
