import { Script } from './script.js';

/** Publishes a message by way of the node that has a key. KEYS: any of the log. ARGV: channel, message. */
export const publishScript = new Script(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

/** What the server that has the log says of its memory. KEYS: any of the log. */
export const memoryScript = new Script(`return redis.call('INFO', 'memory')`);

/*
 * A server process has a `run_id` of its own: another one means a restart, a failover or a moved slot, after which the
 * newest events may be missing, for Redis acknowledges before it replicates or syncs. Where INFO is not allowed, that goes
 * unnoticed.
 */
export const currentRun = `
local info = redis.pcall('INFO', 'server')
local _, before = string.find(type(info) == 'string' and info or '', 'run_id:', 1, true)
local run = before and info:sub(before + 1, before + 40) or ''
`;

/**
 * Opens the log. It makes one where there is none, and sees to what another server process means: the sequence jumps, so
 * that numbers of events that may be lost are never given again, and a node that has seen an event which the server has
 * not makes it another log.
 *
 * A server may evict the log's hash alone. What is made then is another log, whose sequence begins again: all that the
 * other keys hold names the log that it was born in, and counts for no other one.
 *
 * KEYS: log, epochs. ARGV: key of a feed without its epoch, a new epoch, the epoch and the sequence of the caller.
 * Returns epoch, run, the sequence where the epoch began, that of the newest event, id of the newest entry in epochs.
 */
export const openScript = new Script(`
${currentRun}
local log = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'sequence', 'start', 'born', 'jumps')
local epoch, sequence, start = log[1], tonumber(log[3] or '0'), tonumber(log[4] or '0')
local jumps = log[6] or ''

local function begin()
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+')) do
    redis.call('UNLINK', ARGV[1] .. entry[2][2])
  end
  if epoch then redis.call('UNLINK', ARGV[1] .. epoch) end
  epoch, start, jumps = ARGV[2], sequence, ''
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'run', run, 'start', start, 'sequence', sequence, 'jumps', jumps)
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 16, '*', 'epoch', epoch)
end

if not epoch then
  begin()
elseif log[2] ~= run then
  local base = sequence
  sequence = sequence + 16777216
  jumps = jumps .. string.format('%d %d,', base, sequence)
  while #jumps > 4000 do jumps = jumps:match('^[^,]*,(.*)$') end
  redis.call('HSET', KEYS[1], 'run', run, 'sequence', sequence, 'jumps', jumps)
  redis.call('XADD', ARGV[1] .. epoch, string.format('%d-0', sequence), 'base', string.format('%d', base))
end
if not log[5] then redis.call('HSET', KEYS[1], 'born', ARGV[2]) end

if ARGV[3] == epoch then
  local seen = tonumber(ARGV[4])
  local lost = seen > sequence
  for base, target in jumps:gmatch('(%d+) (%d+),') do
    if seen > tonumber(base) and seen < tonumber(target) then lost = true end
  end
  if lost then begin() end
end

local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
return {epoch, run, start, sequence, newest and newest[1] or '0-0'}
`);
