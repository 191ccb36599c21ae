-- Sets the time to live of a key under a condition, as PEXPIRE does.
-- KEYS[1]  the key
-- ARGV[1]  the time to live in milliseconds
-- ARGV[2]  NX, XX, GT, LT or nothing
-- returns  1 if the time to live is set, else 0

-- -2 without the key, -1 without a time to live, which counts as the longest.
local left, new, condition = redis.call('PTTL', KEYS[1]), tonumber(ARGV[1]), ARGV[2]
local holds = not condition
    or condition == 'NX' and left == -1
    or condition == 'XX' and left >= 0
    or condition == 'GT' and left >= 0 and new > left
    or condition == 'LT' and (left == -1 or new < left)
if left == -2 or not holds then
    return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
