-- Ends a consumer that holds nothing.
-- KEYS[1]  the pending list of the consumer
-- KEYS[2]  the consumers, as in exchange.lua
-- ARGV[1]  the id of the consumer
-- returns  1 if it has ended, 0 if it holds something
if redis.call('EXISTS', KEYS[1]) == 1 then
    return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
