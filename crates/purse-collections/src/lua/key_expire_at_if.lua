-- Sets the time at which a key is removed under a condition, as PEXPIREAT does.
-- KEYS[1]  the key
-- ARGV[1]  the time in milliseconds since 1970
-- ARGV[2]  NX, XX, GT, LT or nothing
-- returns  1 if the time is set, else 0

-- -2 without the key, -1 without a time to live, which counts as the longest.
local left, condition = redis.call('PTTL', KEYS[1]), ARGV[2]
local now = redis.call('TIME')
local new = tonumber(ARGV[1]) - (tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
local holds = not condition
    or condition == 'NX' and left == -1
    or condition == 'XX' and left >= 0
    or condition == 'GT' and left >= 0 and new > left
    or condition == 'LT' and (left == -1 or new < left)
if left == -2 or not holds then
    return 0
end
return redis.call('PEXPIREAT', KEYS[1], ARGV[1])
