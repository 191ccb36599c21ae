-- Returns an element of a sorted set and its neighbours, the highest first.
-- KEYS[1]  the sorted set
-- ARGV[1]  the element
-- ARGV[2]  how many neighbours on each side
-- returns  the rank of the first of them, counted from the highest, then the elements, each followed
--          by its score; or nil if it is no element
local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
if not rank then
    return false
end
local first = math.max(rank - ARGV[2], 0)
return {first, redis.call('ZREVRANGE', KEYS[1], first, rank + ARGV[2], 'WITHSCORES')}
