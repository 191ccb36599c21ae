-- Returns the bytes of a bit set from the first one on that is not zero.
-- KEYS[1]  the bit set, a string
-- ARGV[1]  the index of the byte to start from
-- ARGV[2]  the most bytes to return
-- returns  the index of the first byte that is returned, and the bytes; nil if no bit is set there
local offset = redis.call('BITPOS', KEYS[1], 1, ARGV[1])
if offset < 0 then
    return false
end
local byte = math.floor(offset / 8)
return {byte, redis.call('GETRANGE', KEYS[1], byte, byte + ARGV[2] - 1)}
