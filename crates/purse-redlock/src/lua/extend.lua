-- Makes the lock last longer, if it is ours; never shorter, and never a lock that is gone.
-- KEYS[1]: the lock's key
-- ARGV[1]: our token
-- ARGV[2]: the time it shall have left, in milliseconds
-- Returns 1 if it was ours, 0 if not.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
-- A lock that somebody made permanent (PTTL -1) gets an end again.
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
