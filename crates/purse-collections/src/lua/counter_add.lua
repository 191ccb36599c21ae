-- Adds to an integer within bounds. Asked again with the same receipt, it answers the same.
-- KEYS[1]  the counter
-- KEYS[2]  the receipt: the sum; "refused"; or nothing, if the run failed. Without a receipt, the script
--          must not run twice
-- ARGV[1]  the amount
-- ARGV[2]  the lowest number to which the amount may be added
-- ARGV[3]  the highest one
-- ARGV[4]  what a number below the lowest one becomes; '' if it is refused
-- ARGV[5]  what a number above the highest one becomes; '' if it is refused
-- ARGV[6]  how long the receipt stays, in milliseconds
-- ARGV[7]  1 if it was asked before, and that request may still run
-- returns  the sum; nil if it was refused. After an error, nothing changed
if KEYS[2] then
    local answer = redis.call('GET', KEYS[2])
    if answer and answer ~= '' then
        return answer ~= 'refused' and answer
    end
end
local old = redis.call('GET', KEYS[1]) or '0'
local is_integer = old == '0' or string.find(old, '^-?[1-9]%d*$')
if not is_integer or is_less(old, '-9223372036854775808') or is_less('9223372036854775807', old) then
    return redis.error_reply('ERR value is not an integer or out of range')
end
local sum
if is_less(old, ARGV[2]) then
    sum = ARGV[4]
elseif is_less(ARGV[3], old) then
    sum = ARGV[5]
end
if sum == '' then
    if ARGV[7] == '1' then
        redis.call('SET', KEYS[2], 'refused', 'PX', ARGV[6])
    end
    return false
end
if KEYS[2] then
    -- A server that is full, and a user who may not write receipts, are refused here.
    redis.call('SET', KEYS[2], '', 'PX', ARGV[6])
end
if sum then
    redis.call('SET', KEYS[1], sum, 'KEEPTTL')
else
    redis.call('INCRBY', KEYS[1], ARGV[1])
    sum = redis.call('GET', KEYS[1])
end
if KEYS[2] then
    redis.call('SET', KEYS[2], sum, 'PX', ARGV[6])
end
return sum
