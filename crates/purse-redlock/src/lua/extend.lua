-- Makes a lock last longer, if all its keys are ours; never shorter, and never a lock that is gone.
-- KEYS: the lock's keys
-- ARGV[1]: our token
-- ARGV[2]: the time it shall have left, in milliseconds
-- Returns 1 if all were ours, 0 if not.
for _, key in ipairs(KEYS) do
    if redis.call('GET', key) ~= ARGV[1] then
        return 0
    end
end
for _, key in ipairs(KEYS) do
    -- A lock that somebody made permanent (PTTL -1) gets an end again.
    if redis.call('PTTL', key) < tonumber(ARGV[2]) then
        redis.call('PEXPIRE', key, ARGV[2])
    end
end
return 1
