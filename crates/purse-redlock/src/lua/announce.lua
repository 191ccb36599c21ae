-- Extends a lock, as extend.lua does, and stores the election record next to it. Complexity: O(1).
-- KEYS[1]: the lock's key
-- KEYS[2]: the record's key
-- ARGV[1]: our token
-- ARGV[2]: the minimum time that both keys have left afterwards, in milliseconds
-- ARGV[3]: the record
-- Returns 1 if the lock was ours, otherwise 0, and then nothing was written. If the record's key
-- holds another type than a string, that is an error, and nothing is changed.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('GET', KEYS[2])
local left = redis.call('PTTL', KEYS[1])
if left < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    left = ARGV[2]
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', left)
return 1
