-- Returns the rank and the score of an element of a sorted set.
-- KEYS[1]  the sorted set
-- ARGV[1]  the command that ranks: ZRANK or ZREVRANK
-- ARGV[2]  the element
-- returns  its rank and its score, or nil if it is no element
local rank = redis.call(ARGV[1], KEYS[1], ARGV[2])
if not rank then
    return false
end
return {rank, redis.call('ZSCORE', KEYS[1], ARGV[2])}
