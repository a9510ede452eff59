import type { Script } from "../../../valkey.ts";
import { PRELUDE, WIDTH } from "./prelude.ts";

/**
 * Whether a ledger has told what was used before. ARGV after the claims: the name of the marks, and for each claim that of its limit and of the ledger's own mark of
 * it, empty where nobody has to.
 */
export const CHECK = `
local marksAt, missing, isClosed = 4 + (#KEYS - 3) * ${WIDTH}, { 'unfilled' }, false
for index = 1, #KEYS - 3 do
  local limit, own = ARGV[marksAt + index * 2 - 1], ARGV[marksAt + index * 2]
  if own ~= '' then
    local found = redis.call('HMGET', ARGV[marksAt], limit, own)
    if not found[2] then table.insert(missing, fmt(index - 1)) end
    if found[1] and tonumber(found[1]) > now then isClosed = true end
  end
end
if #missing > 1 then return missing end
if isClosed then return { 'closed' } end
`;

/**
 * Counts at least so much as used. ARGV: life, window, amount, marks, the ledger's own mark (empty: it has none). KEYS: clock, leases, nothing, counter. What a ledger tells
 * before its mark is there comes on top of what others have told and of what was counted; what it tells again does not.
 */
export const RAISE: Script = {
  text: `${PRELUDE}
local settled = counter(KEYS[4], ARGV[2])
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

/** Notes that a ledger has filled a limit. ARGV: life, marks, limit, the ledger's own mark, how long nothing is let through. KEYS: clock, leases. */
export const MARK: Script = {
  text: `${PRELUDE}
local opens, before = now + tonumber(ARGV[5]), tonumber(redis.call('HGET', ARGV[2], ARGV[3]) or '0')
redis.call('HSET', ARGV[2], ARGV[3], fmt(math.max(opens, before)), ARGV[4], '1')
return 0`,
};
