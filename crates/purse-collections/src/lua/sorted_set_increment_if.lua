-- Adds to the score of an element of a sorted set if a condition holds.
-- KEYS[1]  the sorted set
-- ARGV[1]  the condition: NX, XX, GT or LT as ZADD knows them, or CH for none
-- ARGV[2]  the amount
-- ARGV[3]  the element
-- returns  the new score, or nil if the condition does not hold
local condition = ARGV[1]
local score = redis.call('ZSCORE', KEYS[1], ARGV[3])
if score and condition == 'NX' or not score and condition == 'XX' then
    return false
end
local old, by = tonumber(score or 0), tonumber(ARGV[2])
local sum = old + by
if score and (condition == 'GT' and sum <= old or condition == 'LT' and sum >= old) then
    return false
end
if sum ~= sum then
    return redis.error_reply('ERR resulting score is not a number (NaN)')
end
if math.abs(sum) == math.huge and math.abs(old) < math.huge and math.abs(by) < math.huge then
    return redis.error_reply('ERR resulting score is out of the range of f64')
end
return redis.call('ZINCRBY', KEYS[1], ARGV[2], ARGV[3])
