-- Adds to the scores of elements of a sorted set: to all of them, or to none.
-- KEYS[1]  the sorted set
-- ARGV     an amount and its element, again and again
-- returns  the new score of each of them, or nil if one would be no number: then nothing changed
local infinite = false
for i = 1, #ARGV, 2 do
    if math.abs(tonumber(ARGV[i])) == math.huge then
        infinite = true
    end
end
-- Only an infinite amount can make a sum that is no number: then it is tried before it is done.
if infinite then
    local sums = {}
    for i = 1, #ARGV, 2 do
        local element = ARGV[i + 1]
        local old = sums[element] or tonumber(redis.call('ZSCORE', KEYS[1], element) or 0)
        local sum = old + tonumber(ARGV[i])
        if sum ~= sum then
            return false
        end
        sums[element] = sum
    end
end
local scores = {}
for i = 1, #ARGV, 2 do
    scores[#scores + 1] = redis.call('ZINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
return scores
