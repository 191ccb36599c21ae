-- Deletes the lock, if it is ours.
-- KEYS[1]: the lock's key
-- ARGV[1]: our token
-- Returns {1, 0} if it was ours, {0, ttl} if not: ttl is the holder's remaining time in
-- milliseconds, -1 if it has none, -2 if nobody holds the lock.
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return {redis.call('DEL', KEYS[1]), 0}
end
return {0, redis.call('PTTL', KEYS[1])}
