-- Ends a consumer that holds nothing.
-- KEYS[1]  the pending list of the consumer
-- KEYS[2]  the consumers, as in exchange.lua
-- KEYS[3]  of a sorted set: the tokens that wake consumers
-- KEYS[4]  of a sorted set: the id of the consumer that watches it
-- ARGV[1]  the id of the consumer
-- returns  1 if it has ended, 0 if it holds something
-- Complexity: O(1).
if KEYS[4] and redis.call('GET', KEYS[4]) == ARGV[1] then
    redis.call('DEL', KEYS[4])
    if redis.call('LLEN', KEYS[3]) == 0 then
        redis.call('LPUSH', KEYS[3], '')
        redis.call('PEXPIRE', KEYS[3], 60000)
    end
end
if redis.call('EXISTS', KEYS[1]) == 1 then
    return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
