-- Returns the scores of elements of a sorted set.
-- KEYS[1]  the sorted set
-- ARGV     the elements
-- returns  a score for each of them, or nil
local scores = {}
for i = 1, #ARGV do
    scores[i] = redis.call('ZSCORE', KEYS[1], ARGV[i])
end
return scores
