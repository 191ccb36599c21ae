-- Wakes one consumer that waits for a sorted set.
-- KEYS[1]  the tokens
-- returns  nothing
-- Complexity: O(1).
if redis.call('LLEN', KEYS[1]) == 0 then
    redis.call('LPUSH', KEYS[1], '')
    redis.call('PEXPIRE', KEYS[1], 5000)
end
