import type { Script } from "../../../valkey.ts";

// KEYS of both: the records by id, the id of each limit's, the revision.

/**
 * Changes a record, or makes or takes away one. ARGV: id, the version that is changed (0: there is to be none), what it becomes, what it limits (empty: it
 * is taken away), another revision. 1, or 0 with nothing changed if it has another version or the limit has a budget already.
 */
export const CHANGE: Script = {
  text: `
local text = redis.call('HGET', KEYS[1], ARGV[1])
local before = text and cjson.decode(text)
local version = (before and before.body) and before.version or 0
if version ~= tonumber(ARGV[2]) then return 0 end
if ARGV[4] ~= '' then
  local other = redis.call('HGET', KEYS[2], ARGV[4])
  if other and other ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[2], ARGV[4], ARGV[1])
else
  for _, pair in ipairs({ redis.call('HGETALL', KEYS[2]) }) do
    for at = 1, #pair, 2 do if pair[at + 1] == ARGV[1] then redis.call('HDEL', KEYS[2], pair[at]) end end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('SET', KEYS[3], ARGV[5])
return 1`,
};

/**
 * Gives the server the records of a process that it lacks, or has an older version of: it may have been emptied or set back. Of two budgets of one limit the
 * one that came first stays, and the other is taken away. ARGV: another revision; for each record: id, what it limits, record.
 */
export const OFFER: Script = {
  text: `
local changed = redis.call('EXISTS', KEYS[3]) == 0
for at = 2, #ARGV, 3 do
  local id, limit, text = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local before, offered = redis.call('HGET', KEYS[1], id), cjson.decode(text)
  if not before or cjson.decode(before).version < offered.version then
    local other = redis.call('HGET', KEYS[2], limit)
    if other and other ~= id then
      offered.body = nil
      offered.version = offered.version + 1
      text = cjson.encode(offered)
    else
      redis.call('HSET', KEYS[2], limit, id)
    end
    redis.call('HSET', KEYS[1], id, text)
    changed = true
  end
end
if changed then redis.call('SET', KEYS[3], ARGV[1]) end
return 0`,
};
