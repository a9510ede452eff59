/** Arguments of a claim: window, runs, held, hard, amount, fixed, for each unit. */
export const WIDTH = 7;

/**
 * What all scripts begin with. KEYS: clock, leases, and then a lease (where there is one) and counters. ARGV[1] is how long a lease lives, in milliseconds.
 *
 * Numbers stay below 2^53, where they are exact, and are written without an exponent. Time is the server's, and never goes back: where its clock has jumped back it
 * goes on at half the pace until both agree again, so that no window stands still either; KEYS[1] has both as they were last. A counter is a hash
 * `start settled reserved` of its window. A lease is a text: for each of its claims the counter, whether that counts what runs, and the pieces it
 * holds, window after window. A lease whose process has stopped to say that it lives ends here: what it holds counts as used, since its provider may
 * have billed that, and only the places it took are free. It is remembered for as long as its call may go on, for a process that was only silent: what is
 * not remembered the server has lost, together with what was counted.
 */
export const PRELUDE = `
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
  if text then
    settle(cjson.decode(text))
    redis.call('SET', key .. ':ended', text, 'PX', '90000000')
  end
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
  for _, value in ipairs(redis.call('HMGET', key, 'start', 'settled', 'reserved')) do table.insert(reply, value) end
end
`;
