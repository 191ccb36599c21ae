-- Adds to the scores of elements of a sorted set: to all of them, or to none.
-- KEYS[1]  the sorted set
-- ARGV     an amount and its element, again and again
-- returns  the new score of each of them, or an error after which nothing changed

-- An amount of less than half the distance between the two highest numbers leaves each finite score
-- finite. With a larger one, the sums are tried before they are stored.
local large = false
for i = 1, #ARGV, 2 do
    if math.abs(tonumber(ARGV[i])) >= 2 ^ 970 then
        large = true
    end
end
if large then
    local sums = {}
    for i = 1, #ARGV, 2 do
        local by, element = tonumber(ARGV[i]), ARGV[i + 1]
        local old = sums[element] or tonumber(redis.call('ZSCORE', KEYS[1], element) or 0)
        local sum = old + by
        if sum ~= sum then
            return redis.error_reply('ERR resulting score is not a number (NaN)')
        end
        if math.abs(sum) == math.huge and math.abs(old) < math.huge and math.abs(by) < math.huge then
            return redis.error_reply('ERR resulting score is out of the range of f64')
        end
        sums[element] = sum
    end
end
local scores = {}
for i = 1, #ARGV, 2 do
    scores[#scores + 1] = redis.call('ZINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
return scores
