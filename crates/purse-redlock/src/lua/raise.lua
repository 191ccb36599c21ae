-- Raises the counters of a lock to its fence, if all its keys are ours; never lowers them.
-- KEYS: the locks' keys, then as many keys of their counters
-- ARGV[1]: our token
-- ARGV[2]: the fence
-- ARGV[3]: the time a counter is kept, in milliseconds
-- Returns 1 if all were ours, so that whoever comes next counts from the fence on; 0 if not.
local locks = #KEYS / 2
for index = 1, locks do
    if redis.call('GET', KEYS[index]) ~= ARGV[1] then
        return 0
    end
end
local counts = {}
for index = locks + 1, #KEYS do
    counts[index] = redis.call('GET', KEYS[index]) or '0'
end
for index = locks + 1, #KEYS do
    if (tonumber(counts[index]) or 0) < tonumber(ARGV[2]) then
        redis.call('SET', KEYS[index], ARGV[2], 'PX', ARGV[3])
    end
end
return 1
