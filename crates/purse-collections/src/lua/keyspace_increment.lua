-- Adds to an integer, unless the sum is out of the range of its type.
-- KEYS[1]  the key
-- ARGV[1]  the amount
-- ARGV[2]  the lowest number to which the amount may be added
-- ARGV[3]  the highest one
-- ARGV[4]  the name of the type
-- ARGV[5]  the time to live of a new key in milliseconds, or nothing
-- returns  the sum, or an error after which nothing changed
local found = redis.call('GET', KEYS[1])
local old = found or '0'
local is_integer = old == '0' or string.find(old, '^-?[1-9]%d*$')
if is_integer and (is_less(old, ARGV[2]) or is_less(ARGV[3], old)) then
    return redis.error_reply('ERR ' .. old .. ' + ' .. ARGV[1] .. ' is out of the range of ' .. ARGV[4])
end
if not found and ARGV[5] then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[5])
    return ARGV[1]
end
-- What is no integer is refused here.
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if math.abs(sum) < 2 ^ 53 then
    return sum
end
return redis.call('GET', KEYS[1])
