-- Removes the entries of one key of a multimap and returns their values.
-- KEYS[1]  the sorted set
-- ARGV[1]  the lower bound of the entries, for ZRANGEBYLEX
-- ARGV[2]  the upper bound
-- ARGV[3]  the length of the text before the value of each entry
-- returns  the values
local entries = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2])
local values = {}
for i, entry in ipairs(entries) do
    values[i] = string.sub(entry, ARGV[3] + 1)
end
if #entries > 0 then
    redis.call('ZREMRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2])
end
return values
