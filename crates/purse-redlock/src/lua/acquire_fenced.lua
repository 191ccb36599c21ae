-- Takes one lock, or several as one, and increments their counters: all of them, or none.
-- Complexity: O(n) in the number of keys.
-- KEYS: the locks' keys, then the keys of their counters in the same order
-- ARGV[1]: our token
-- ARGV[2]: the ttl, in milliseconds
-- ARGV[3]: the time that a counter is kept, in milliseconds
-- Returns {ours, fence, foreign}. ours: 1 if all were free and are ours now, otherwise 0. fence:
-- the new value of all counters, greater than each of them was. foreign: n if KEYS[n] does not hold
-- a counter, and nothing was changed; otherwise 0.
local locks = #KEYS / 2
for index = 1, locks do
    if get(KEYS[index]) then
        return {0, 0, 0}
    end
end
local fence = 0
for index = locks + 1, #KEYS do
    local count = get(KEYS[index])
    if not count then
        -- A server that lost its counter starts ahead of everything that was counted before.
        local time = redis.call('TIME')
        count = time[1] * 1000000 + time[2]
    elseif type(count) == 'string' and string.find(count, '^%d+$') then
        count = tonumber(count)
    else
        return {0, 0, index}
    end
    -- Beyond 2^53 - 1, a Lua number does not change when one is added.
    if count >= 9007199254740991 then
        return {0, 0, index}
    end
    fence = math.max(fence, count + 1)
end
for index = locks + 1, #KEYS do
    redis.call('SET', KEYS[index], string.format('%.0f', fence), 'PX', ARGV[3])
end
for index = 1, locks do
    redis.call('SET', KEYS[index], ARGV[1], 'PX', ARGV[2])
end
return {1, fence, 0}
