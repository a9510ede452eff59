import type { Script } from "../../../valkey.ts";
import { CHECK } from "./fill-scripts.ts";
import { PRELUDE, WIDTH } from "./prelude.ts";

/**
 * The lease of KEYS[3]. One that has ended because its process was silent for too long goes on as it was. One that the server has lost begins anew with what
 * its process holds, of which nothing is counted: ARGV from `at` on has that for each claim, `width` apart, after its window and whether it counts what runs.
 */
const LEASE = `
local function revived(lease)
  for _, claim in ipairs(lease) do
    for _, piece in ipairs(claim.pieces) do
      local found = redis.call('HMGET', claim.key, 'start', 'settled')
      if found[1] == piece.start then
        redis.call('HINCRBY', claim.key, 'reserved', piece.amount)
        if not claim.runs then
          redis.call('HINCRBY', claim.key, 'settled', fmt(-math.min(tonumber(piece.amount), tonumber(found[2]))))
        end
      end
    end
  end
  return lease
end

local function leaseOf(at, width)
  local text = redis.call('GET', KEYS[3])
  if text then return cjson.decode(text) end
  local ended = redis.call('GET', KEYS[3] .. ':ended')
  if ended then
    redis.call('DEL', KEYS[3] .. ':ended')
    return revived(cjson.decode(ended))
  end
  local lease = {}
  for index = 1, #KEYS - 3 do
    local kind, runs, held = ARGV[at + (index - 1) * width], ARGV[at + (index - 1) * width + 1], tonumber(ARGV[at + (index - 1) * width + 2])
    local key = KEYS[3 + index]
    local _, _, start = counter(key, kind)
    local claim = { key = key, runs = runs == '1', pieces = {} }
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
    local settled, reserved, start, finish = counter(KEYS[3 + index], ARGV[kindAt + (index - 1) * width])
    if ARGV[base] == '1' then
      local each = tonumber(ARGV[base + 3])
      local room = tonumber(ARGV[base + 1]) - settled - reserved - tonumber(ARGV[base + 2])
      if room < 0 or room < each * least then
        for _, value in ipairs({ fmt(index - 1), fmt(start), fmt(settled), fmt(reserved), finish > 0 and fmt(finish - now) or '' }) do
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

/** Says of leases that their process lives. ARGV: life, leases. KEYS: clock, leases. */
export const RENEW: Script = {
  text: `${PRELUDE}
for index = 2, #ARGV do redis.call('ZADD', KEYS[2], 'XX', fmt(now + tonumber(ARGV[1])), ARGV[index]) end
return 0`,
};
