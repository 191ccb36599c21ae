-- Raises the counters of a lock to its fence, if all its keys are ours; never lowers them.
-- KEYS: the locks' keys, then as many keys of their counters
-- ARGV[1]: our token
-- ARGV[2]: the fence
-- ARGV[3]: the time a counter is kept, in milliseconds
-- Returns 1 if all were ours and none of the counters was above the fence, so that whoever comes next
-- counts from the fence on; else 0. Above it, somebody else may have been given the same fence: one
-- of us counted on a master that lost our lock early.
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
