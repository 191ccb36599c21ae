-- Puts back what a consumer has taken whose lease is over, 64 elements at most.
-- KEYS[1]  the list or sorted set
-- KEYS[2]  the pending list of the consumer
-- KEYS[3]  the consumers, as in exchange.lua
-- ARGV[1]  the id of the consumer
-- ARGV[2]  the end to which elements go back: LEFT, RIGHT, MIN or MAX
-- returns  1 if there may be more, 0 if nothing is left, or the consumer has extended its lease
-- Complexity: O(1) for each element of a list, O(log n) of a sorted set.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own = redis.call('HGET', KEYS[3], ARGV[1])
if own and tonumber(string.match(own, '^%d+')) > now then
    return 0
end
local is_set = ARGV[2] == 'MIN' or ARGV[2] == 'MAX'
redis.call(is_set and 'ZCARD' or 'LLEN', KEYS[1])
-- A full server lets a script finish whose first write needs no memory.
redis.call('PERSIST', KEYS[2])
for _ = 1, 64 do
    local entry = redis.call('LINDEX', KEYS[2], 0)
    if not entry then
        redis.call('HDEL', KEYS[3], ARGV[1])
        return 0
    end
    -- The entry leaves the pending list once it is back, so a refusal loses nothing.
    local done
    if is_set then
        local score, element = string.match(entry, '^(%S+) (.*)$')
        done = redis.pcall('ZADD', KEYS[1], 'NX', score, element)
    else
        done = redis.pcall(ARGV[2] == 'LEFT' and 'LPUSH' or 'RPUSH', KEYS[1], entry)
    end
    if type(done) == 'table' and done.err then
        return done
    end
    redis.call('LPOP', KEYS[2])
end
return 1
