import type { Script } from "../../../valkey.ts";
import { PRELUDE, WIDTH } from "./prelude.ts";

/** The processes that live and have a ledger to tell of, each as `ledger/process`, with the time until which it counts as alive. */
export const LEDGERS = "ep:{budgets}:ledgers";

/** What is added to the mark of a limit that was lost: the time at which it opens whoever has not told. 0 once it is open. */
const UNTIL = ":until";

/** The mark of a ledger that has told of all the limits its process knows. */
export const toldMark = (source: string): string => `told:${source}`;

/**
 * Whether a ledger has told what was used before, and whether others have yet to. ARGV after the claims: the name of the marks, and for each claim that of its limit
 * (empty where it is not hard) and of the ledger's own mark of it (empty where there is nothing to tell).
 */
export const CHECK = `
local marksAt, missing, isClosed = 4 + (#KEYS - 3) * ${WIDTH}, { 'unfilled' }, false
local function awaits(limit)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', '${LEDGERS}', '(' .. fmt(now), '+inf')) do
    local source = string.match(member, '^[^/]*')
    local told = redis.call('HMGET', ARGV[marksAt], limit .. ':' .. source, '${toldMark("")}' .. source)
    if not (told[1] or told[2]) then return true end
  end
  return false
end
for index = 1, #KEYS - 3 do
  local limit, own = ARGV[marksAt + index * 2 - 1], ARGV[marksAt + index * 2]
  if limit ~= '' then
    local found = redis.call('HMGET', ARGV[marksAt], limit, own, limit .. '${UNTIL}')
    local finally = tonumber(found[3] or '0')
    if own ~= '' and not found[2] then table.insert(missing, fmt(index - 1)) end
    if found[1] and tonumber(found[1]) > now then isClosed = true
    elseif finally > 0 then
      if finally > now and awaits(limit) then isClosed = true
      else redis.call('HSET', ARGV[marksAt], limit .. '${UNTIL}', '0') end
    end
  end
end
if #missing > 1 then return missing end
if isClosed then return { 'closed' } end
`;

/**
 * Counts at least so much as used. ARGV: life, window, amount, marks, the ledger's own mark (empty: it has none), the begin of the window that is meant: where another one is
 * open nothing is counted. KEYS: clock, leases, nothing, counter. What a ledger tells before its mark is there comes on top of what others have told and of what was counted; what
 * it tells again does not.
 */
export const RAISE: Script = {
  text: `${PRELUDE}
local settled, _, start = counter(KEYS[4], ARGV[2])
if fmt(start) ~= ARGV[6] then return {} end
local amount, own = tonumber(ARGV[3]), ARGV[5]
if own == '' or redis.call('HEXISTS', ARGV[4], own) == 1 then
  if settled < amount then redis.call('HSET', KEYS[4], 'settled', ARGV[3]) end
  return {}
end
local told = tonumber(redis.call('HGET', KEYS[4], own) or '0')
if told < amount then
  redis.call('HSET', KEYS[4], own, ARGV[3])
  redis.call('HINCRBY', KEYS[4], 'settled', fmt(amount - told))
end
return {}`,
};

/**
 * Notes that a ledger has filled a limit. ARGV: life, marks, limit, the ledger's own mark; how long nothing is let through at least, and at most while others have not
 * told (0: it was not lost); then each process that is known to live, and for how long yet. KEYS: clock, leases. The first that tells of a loss closes the limit.
 */
export const MARK: Script = {
  text: `${PRELUDE}
local marks, limit, least, most = ARGV[2], ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
for at = 7, #ARGV, 2 do redis.call('ZADD', '${LEDGERS}', 'NX', fmt(now + tonumber(ARGV[at + 1])), ARGV[at]) end
redis.call('HSET', marks, ARGV[4], '1')
if most > 0 and redis.call('HSETNX', marks, limit .. '${UNTIL}', fmt(now + most)) == 1 then
  redis.call('HSET', marks, limit, fmt(now + least))
else
  redis.call('HSETNX', marks, limit, fmt(now))
end
return 0`,
};

/** Says that a process with a ledger lives, and returns all that do. ARGV: life, process. KEYS: clock, leases. */
export const LIVE: Script = {
  text: `${PRELUDE}
redis.call('ZREMRANGEBYSCORE', '${LEDGERS}', '-inf', fmt(now))
redis.call('ZADD', '${LEDGERS}', fmt(now + tonumber(ARGV[1])), ARGV[2])
return redis.call('ZRANGE', '${LEDGERS}', 0, -1)`,
};
