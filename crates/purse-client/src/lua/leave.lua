-- Ends a consumer that holds nothing. A late request does not end one that has come back since.
-- KEYS[1]  the pending list of the consumer
-- KEYS[2]  the consumers, as in exchange.lua
-- KEYS[3]  of a sorted set: the tokens that wake consumers
-- KEYS[4]  of a sorted set: the id of the consumer that watches it
-- ARGV[1]  the id of the consumer
-- ARGV[2]  the number of its last step
-- returns  1 if it has ended, 0 if it holds something, or if the server knows a later step
if KEYS[4] and redis.call('GET', KEYS[4]) == ARGV[1] then
    redis.call('DEL', KEYS[4])
    if redis.call('LLEN', KEYS[3]) == 0 then
        redis.call('LPUSH', KEYS[3], '')
        redis.call('PEXPIRE', KEYS[3], 5000)
    end
end
local own = redis.call('HGET', KEYS[2], ARGV[1])
local last = tonumber(string.match(own or '', ' (%d+)$')) or 0
if redis.call('EXISTS', KEYS[1]) == 1 or last > tonumber(ARGV[2]) then
    return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
