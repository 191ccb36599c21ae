-- Counts the elements of a combination of sets.
-- KEYS     the sets
-- ARGV[1]  SUNION, SINTER, SDIFF, or XOR of two sets
-- ARGV[2]  the highest count to return, or an empty text
-- returns  the number of elements
local limit = tonumber(ARGV[2])
local count
if ARGV[1] == 'SINTER' then
    local words = {#KEYS, unpack(KEYS)}
    if limit then
        words[#words + 1] = 'LIMIT'
        words[#words + 1] = ARGV[2]
    end
    -- A server before Redis 7.0 does not know the command, and a user may not have the right to it.
    local counted = redis.pcall('SINTERCARD', unpack(words))
    if type(counted) == 'number' then
        count = counted
    end
end
if ARGV[1] == 'XOR' then
    count = #redis.call('SDIFF', KEYS[1], KEYS[2]) + #redis.call('SDIFF', KEYS[2], KEYS[1])
end
if not count then
    count = #redis.call(ARGV[1], unpack(KEYS))
end
return limit and math.min(count, limit) or count
