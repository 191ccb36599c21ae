-- Extends a lock if all its keys are ours. Never shortens it, and never restores a lock that is
-- gone. Complexity: O(n) in the number of keys.
-- KEYS: the lock's keys
-- ARGV[1]: our token
-- ARGV[2]: the minimum time that it has left afterwards, in milliseconds
-- Returns 1 if all keys were ours, otherwise 0.
for _, key in ipairs(KEYS) do
    if redis.call('GET', key) ~= ARGV[1] then
        return 0
    end
end
for _, key in ipairs(KEYS) do
    -- A lock that was made permanent (PTTL -1) expires again.
    if redis.call('PTTL', key) < tonumber(ARGV[2]) then
        redis.call('PEXPIRE', key, ARGV[2])
    end
end
return 1
