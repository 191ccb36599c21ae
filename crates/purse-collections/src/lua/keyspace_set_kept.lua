-- Sets a key that keeps its time to live; a new key gets one. Returns the previous value.
-- KEYS[1]  the key
-- ARGV[1]  the value
-- ARGV[2]  the time to live of a new key, in milliseconds
-- ARGV[3]  1 to return the previous value, else 0
-- returns  {1, the old value or nil}
local old = false
if ARGV[3] == '1' then
    old = redis.call('GET', KEYS[1])
end
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return {1, old}
