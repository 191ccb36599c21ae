-- Makes a lock last longer, as the script for that does, and writes beside it who has it.
-- KEYS[1]: the lock's key
-- KEYS[2]: the record's key
-- ARGV[1]: our token
-- ARGV[2]: the time both shall have left, in milliseconds
-- ARGV[3]: the record
-- Returns 1 if the lock was ours, 0 if not, and then nothing was written. If the record's key holds
-- something else than a string, that is an error, and nothing is done.
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
