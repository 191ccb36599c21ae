-- Removes an entry of an LRU map and returns its value.
-- KEYS[1]  the hash
-- KEYS[2]  the sorted set of uses
-- ARGV[1]  the field
-- returns  the value, or nil if the field is absent
local old = redis.call('HGET', KEYS[1], ARGV[1])
-- Fails, before anything is removed, if another program uses the key.
redis.call('ZSCORE', KEYS[2], ARGV[1])
if old then
    redis.call('HDEL', KEYS[1], ARGV[1])
end
redis.call('ZREM', KEYS[2], ARGV[1])
return old
