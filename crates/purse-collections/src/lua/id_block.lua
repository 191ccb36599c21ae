-- Assigns the next block of ids. Run twice, it assigns two blocks.
-- KEYS[1]  the last id that is assigned
-- ARGV[1]  the number of ids
-- ARGV[2]  the floor: an id that is known to be assigned
-- returns  the last id of the block. After an error, nothing changed
local last = redis.call('GET', KEYS[1]) or '0'
if last ~= '0' and not string.find(last, '^[1-9]%d*$') then
    return redis.error_reply('ERR the last id is not a number')
end
if is_less(last, ARGV[2]) then
    return redis.error_reply('ERR the last id is ' .. last .. ', but ' .. ARGV[2]
        .. ' is assigned: the key was lost or reset; see advance_to')
end
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
