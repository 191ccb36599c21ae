-- Stores a union, intersection or difference of bit sets.
-- KEYS[1]   the destination, whose value is replaced; it may be one of the sets
-- KEYS[2]   the first set
-- KEYS[3…]  the others, at most 1000
-- ARGV[1]   OR, AND or XOR, or DIFFERENCE for the bits of the first set alone
-- returns   the number of bits that are set in the destination
local into, set = KEYS[1], KEYS[2]
for i = 2, #KEYS do
    -- A value of another type is refused here, before anything is written.
    redis.call('STRLEN', KEYS[i])
end
if ARGV[1] ~= 'DIFFERENCE' then
    redis.call('BITOP', ARGV[1], into, unpack(KEYS, 2))
elseif #KEYS == 2 then
    redis.call('BITOP', 'OR', into, set)
elseif into ~= set then
    redis.call('BITOP', 'OR', into, unpack(KEYS, 3))
    redis.call('BITOP', 'AND', into, into, set)
    redis.call('BITOP', 'XOR', into, into, set)
else
    for i = 3, #KEYS do
        redis.call('BITOP', 'OR', into, into, KEYS[i])
        redis.call('BITOP', 'XOR', into, into, KEYS[i])
    end
end
return redis.call('BITCOUNT', into)
