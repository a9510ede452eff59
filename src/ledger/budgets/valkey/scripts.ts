import type { Script } from "../../../valkey.ts";

/**
 * What all scripts begin with. KEYS: clock, leases, and then a lease (where there is one) and counters. ARGV[1] is how long a lease lives, in milliseconds.
 *
 * Numbers stay below 2^53, where they are exact, and are written without an exponent. Time is the server's, and never goes back: where its clock has jumped back it
 * goes on at half the pace until both agree again, so that no window stands still either; KEYS[1] has both as they were last. A counter is a hash
 * `start settled reserved` of its window. A lease is a text: for each of its claims the counter, whether that counts what runs, and the pieces it
 * holds, window after window. A lease whose process has stopped to say that it lives ends here: what it holds counts as used, since its provider may
 * have billed that, and only the places it took are free.
 */
const PRELUDE = `
-- Nothing has no sign: the server takes -0 for no number.
local function fmt(number) return string.format('%.0f', number == 0 and 0 or number) end
local time = redis.call('TIME')
local wall = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local last, lastWall = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)$')
local now = last and math.max(wall, tonumber(last) + math.max(0, wall - tonumber(lastWall)) / 2) or wall
-- Halves are kept: whoever asks each millisecond would stop it else.
redis.call('SET', KEYS[1], string.format('%.1f ', now) .. fmt(wall))
now = math.floor(now)

local LENGTH = { minute = 60000, hour = 3600000, day = 86400000 }
local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
local function window(kind)
  if LENGTH[kind] then
    local start = now - now % LENGTH[kind]
    return start, start + LENGTH[kind]
  end
  if kind ~= 'month' then return 0, 0 end
  local today, first, year = math.floor(now / 86400000), 19723, 2024
  while true do
    local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    for month = 1, 12 do
      local length = DAYS[month] + ((leap and month == 2) and 1 or 0)
      if today < first + length then return first * 86400000, (first + length) * 86400000 end
      first = first + length
    end
    year = year + 1
  end
end

local function counter(key, kind)
  local start, finish = window(kind)
  local found = redis.call('HMGET', key, 'start', 'settled', 'reserved')
  if found[1] == fmt(start) then return tonumber(found[2]), tonumber(found[3]), start, finish end
  -- With what ledgers have told of another window.
  redis.call('DEL', key)
  redis.call('HSET', key, 'start', fmt(start), 'settled', '0', 'reserved', '0')
  if finish > 0 then redis.call('PEXPIRE', key, fmt(finish - now + 60000)) end
  return 0, 0, start, finish
end

local function settle(lease, used)
  for index, claim in ipairs(lease) do
    local rest = used and tonumber(used[index])
    for place, piece in ipairs(claim.pieces) do
      local amount = tonumber(piece.amount)
      local share = amount
      if used then
        if place == #claim.pieces or rest < amount then share = rest end
        rest = rest - share
      elseif claim.runs then
        share = 0
      end
      if redis.call('HGET', claim.key, 'start') == piece.start then
        redis.call('HINCRBY', claim.key, 'reserved', fmt(-amount))
        redis.call('HINCRBY', claim.key, 'settled', fmt(share))
      end
    end
  end
end

for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', fmt(now), 'LIMIT', 0, 100)) do
  local text = redis.call('GET', key)
  if text then settle(cjson.decode(text)) end
  redis.call('DEL', key)
  redis.call('ZREM', KEYS[2], key)
end

local function keep(lease)
  redis.call('SET', KEYS[3], cjson.encode(lease))
  redis.call('ZADD', KEYS[2], fmt(now + tonumber(ARGV[1])), KEYS[3])
end

local function hold(claim, key, start, amount)
  redis.call('HINCRBY', key, 'reserved', fmt(amount))
  local last = claim.pieces[#claim.pieces]
  if last and last.start == fmt(start) then last.amount = fmt(tonumber(last.amount) + amount)
  else table.insert(claim.pieces, { start = fmt(start), amount = fmt(amount) }) end
end

local function standing(reply, key)
  local found = redis.call('HMGET', key, 'settled', 'reserved')
  table.insert(reply, found[1])
  table.insert(reply, found[2])
end
`;

/**
 * The lease of KEYS[3]. One that has ended because its process was silent for too long begins anew with what it held: ARGV from `at` on has that for each
 * claim, `width` apart, after its window and whether it counts what runs.
 */
const LEASE = `
local function leaseOf(at, width)
  local text = redis.call('GET', KEYS[3])
  if text then return cjson.decode(text) end
  local lease = {}
  for index = 1, #KEYS - 3 do
    local kind, runs, held = ARGV[at + (index - 1) * width], ARGV[at + (index - 1) * width + 1], tonumber(ARGV[at + (index - 1) * width + 2])
    local key = KEYS[3 + index]
    local settled, _, start = counter(key, kind)
    local claim = { key = key, runs = runs == '1', pieces = {} }
    if not claim.runs then
      held = math.min(held, settled)
      redis.call('HINCRBY', key, 'settled', fmt(-held))
    end
    hold(claim, key, start, held)
    lease[index] = claim
  end
  return lease
end
`;

/**
 * The units that all hard limits allow, or who refuses. For each claim, `width` apart from ARGV[at] on: hard or not, amount, fixed, for each unit. Returns
 * units and nothing, or nothing and the reply.
 */
const ASK = `
local function ask(most, least, at, width, kindAt)
  local units, refused = most, {}
  for index = 1, #KEYS - 3 do
    local base = at + (index - 1) * width
    local settled, reserved, _, finish = counter(KEYS[3 + index], ARGV[kindAt + (index - 1) * width])
    if ARGV[base] == '1' then
      local each = tonumber(ARGV[base + 3])
      local room = tonumber(ARGV[base + 1]) - settled - reserved - tonumber(ARGV[base + 2])
      if room < 0 or room < each * least then
        for _, value in ipairs({ fmt(index - 1), fmt(settled), fmt(reserved), finish > 0 and fmt(finish - now) or '' }) do
          table.insert(refused, value)
        end
      elseif each > 0 then
        local allowed = math.floor(room / each)
        if allowed * each > room then allowed = allowed - 1 end
        units = math.min(units, allowed)
      end
    end
  end
  if #refused == 0 then return units end
  table.insert(refused, 1, 'refused')
  return nil, refused
end
`;

const WIDTH = 7;

/**
 * Whether a ledger has told what was used before. ARGV after the claims: the name of the marks, and for each claim that of its limit and of the ledger's own mark of
 * it, empty where nobody has to.
 */
const CHECK = `
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

/** Takes a lease. ARGV: life, most, least; for each claim: window, runs, held, hard, amount, fixed, for each unit; marks. KEYS: clock, leases, lease, counters. */
export const RESERVE: Script = {
  text: `${PRELUDE}${ASK}${CHECK}
local units, refused = ask(tonumber(ARGV[2]), tonumber(ARGV[3]), 7, ${WIDTH}, 4)
if refused then return refused end
local lease, reply = {}, { 'granted', fmt(units) }
for index = 1, #KEYS - 3 do
  local base, key = 4 + (index - 1) * ${WIDTH}, KEYS[3 + index]
  local _, _, start = counter(key, ARGV[base])
  local claim = { key = key, runs = ARGV[base + 1] == '1', pieces = {} }
  hold(claim, key, start, tonumber(ARGV[base + 5]) + tonumber(ARGV[base + 6]) * units)
  lease[index] = claim
  standing(reply, key)
end
keep(lease)
return reply`,
};

/** Takes more for a lease. KEYS and ARGV as for RESERVE; what is fixed is not taken again. */
export const EXTEND: Script = {
  text: `${PRELUDE}${ASK}${LEASE}${CHECK}
local lease = leaseOf(4, ${WIDTH})
keep(lease)
local units, refused = ask(tonumber(ARGV[2]), tonumber(ARGV[3]), 7, ${WIDTH}, 4)
if refused then return refused end
local reply = { 'granted', fmt(units) }
for index = 1, #KEYS - 3 do
  local base, key = 4 + (index - 1) * ${WIDTH}, KEYS[3 + index]
  local _, _, start = counter(key, ARGV[base])
  local each = tonumber(ARGV[base + 6])
  if each > 0 then hold(lease[index], key, start, each * units) end
  standing(reply, key)
end
keep(lease)
return reply`,
};

/** Ends a lease. ARGV: life; for each claim: window, runs, held, used. KEYS: clock, leases, lease, counters. */
export const SETTLE: Script = {
  text: `${PRELUDE}${LEASE}
local lease, used, reply = leaseOf(2, 4), {}, {}
for index = 1, #KEYS - 3 do used[index] = ARGV[5 + (index - 1) * 4] end
settle(lease, used)
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[2], KEYS[3])
for index = 1, #KEYS - 3 do
  counter(KEYS[3 + index], ARGV[2 + (index - 1) * 4])
  standing(reply, KEYS[3 + index])
end
return reply`,
};

/** Counts what was used elsewhere, and says how the counter stands. ARGV: life, window, amount. KEYS: clock, leases, nothing, counter. */
export const ADD: Script = {
  text: `${PRELUDE}
local reply = {}
counter(KEYS[4], ARGV[2])
redis.call('HINCRBY', KEYS[4], 'settled', ARGV[3])
standing(reply, KEYS[4])
return reply`,
};

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

/** Says of leases that their process lives. ARGV: life, leases. KEYS: clock, leases. */
export const RENEW: Script = {
  text: `${PRELUDE}
for index = 2, #ARGV do redis.call('ZADD', KEYS[2], 'XX', fmt(now + tonumber(ARGV[1])), ARGV[index]) end
return 0`,
};
