-- Returns the first offset whose bit is not set.
-- KEYS[1]  the bit set, a string
-- ARGV[1]  the capacity: the offset must be lower
-- returns  the offset, or nil
local offset = redis.call('BITPOS', KEYS[1], 0)
if offset < 0 or offset >= tonumber(ARGV[1]) then
    return false
end
return offset
