-- Adds to an integer of a hash, unless the sum is out of the range of its type.
-- KEYS[1]  the hash
-- ARGV[1]  the field
-- ARGV[2]  the amount
-- ARGV[3]  the lowest number to which the amount may be added
-- ARGV[4]  the highest one
-- ARGV[5]  the name of the type
-- returns  the sum, or an error after which nothing changed
local old = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
local is_integer = old == '0' or string.find(old, '^-?[1-9]%d*$')
if is_integer and (is_less(old, ARGV[3]) or is_less(ARGV[4], old)) then
    return redis.error_reply('ERR ' .. old .. ' + ' .. ARGV[2] .. ' is out of the range of ' .. ARGV[5])
end
-- What is no integer is refused here.
local sum = redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
if math.abs(sum) < 2 ^ 53 then
    return sum
end
return redis.call('HGET', KEYS[1], ARGV[1])
