-- Counts the bits in a range that are set.
-- KEYS[1]  the bit set, a string
-- ARGV[1]  the first offset
-- ARGV[2]  the last offset
-- returns  their number
local first, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local function count_singly(from, to)
    local count = 0
    for offset = from, to do
        count = count + redis.call('GETBIT', KEYS[1], offset)
    end
    return count
end
-- BITCOUNT counts whole bytes; it counts single bits only from Redis 7 on.
local byte, end_byte = math.ceil(first / 8), math.floor((last + 1) / 8)
if byte >= end_byte then
    return count_singly(first, last)
end
return count_singly(first, 8 * byte - 1)
    + redis.call('BITCOUNT', KEYS[1], byte, end_byte - 1)
    + count_singly(8 * end_byte, last)
