-- Counts the elements of a sorted set whose score is higher than that of an element.
-- KEYS[1]  the sorted set
-- ARGV[1]  the element
-- returns  their number plus one, or nil if it is no element
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score then
    return false
end
return redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf') + 1
