-- Raises the counters of a lock to its fence, if all its keys are ours. Never lowers them.
-- Complexity: O(n) in the number of keys.
-- KEYS: the locks' keys, then the keys of their counters in the same order
-- ARGV[1]: our token
-- ARGV[2]: the fence
-- ARGV[3]: the time that a counter is kept, in milliseconds
-- Returns 1 if all keys were ours and no counter was above the fence, so that later holders count
-- on from the fence; otherwise 0. If a counter is above the fence, another client may have received
-- the same fence, because one of both was counted by a master that lost our lock early.
local locks = #KEYS / 2
for index = 1, locks do
    if redis.call('GET', KEYS[index]) ~= ARGV[1] then
        return 0
    end
end
local counts = {}
for index = locks + 1, #KEYS do
    counts[index] = tonumber(redis.call('GET', KEYS[index]) or '0') or 0
    if counts[index] > tonumber(ARGV[2]) then
        return 0
    end
end
for index = locks + 1, #KEYS do
    if counts[index] < tonumber(ARGV[2]) then
        redis.call('SET', KEYS[index], ARGV[2], 'PX', ARGV[3])
    end
end
return 1
