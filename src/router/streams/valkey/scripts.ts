import type { Script } from "../../../valkey.ts";

/** Takes an idempotency key, unless it is taken. KEYS: key. ARGV: hash, stream, milliseconds. Returns what it is: mine, other, or same. */
export const CLAIM: Script = {
  text: `
local hash = redis.call('HGET', KEYS[1], 'hash')
if not hash then
  redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'stream', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {'mine'}
end
if hash ~= ARGV[1] then return {'other'} end
return {'same', redis.call('HGET', KEYS[1], 'stream'), redis.call('HGET', KEYS[1], 'failure')}`,
};

/** Gives a key back, or keeps what its call did. KEYS: key. ARGV: stream, failure; an empty failure gives it back. */
export const END_KEY: Script = {
  text: `
if redis.call('HGET', KEYS[1], 'stream') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then return redis.call('DEL', KEYS[1]) end
return redis.call('HSET', KEYS[1], 'failure', ARGV[2])`,
};

/** Says how a stream that runs stands, if the server knows it. KEYS: head. ARGV: status. Returns 0 if it does not. */
export const SAY_STATUS: Script = {
  text: `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'status', ARGV[1])
return 1`,
};

/** Says for a while that a process reads a stream. KEYS: reader. ARGV: process, milliseconds. */
export const SAY_READ: Script = {
  text: `
redis.call('HSET', KEYS[1], ARGV[1], '1')
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
};

/**
 * Ends a stream, unless it has ended: whoever is first says how. KEYS: head, log. ARGV: number of the last event, how it ended, status,
 * milliseconds the log is kept, milliseconds the head is.
 */
export const END_STREAM: Script = {
  text: `
if redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
redis.call('XADD', KEYS[2], ARGV[1] .. '-1', 'e', ARGV[2])
redis.call('HSET', KEYS[1], 'ended', ARGV[2], 'last', ARGV[1], 'status', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1`,
};
