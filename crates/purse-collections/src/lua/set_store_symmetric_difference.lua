-- Stores the elements that are in exactly one of two sets.
-- KEYS[1]  the destination, which may be one of the sets
-- KEYS[2]  the one
-- KEYS[3]  the other
-- returns  the number of elements
local rest = redis.call('SDIFF', KEYS[3], KEYS[2])
local stored = redis.call('SDIFFSTORE', KEYS[1], KEYS[2], KEYS[3])
for first = 1, #rest, 1000 do
    local last = math.min(first + 999, #rest)
    stored = stored + redis.call('SADD', KEYS[1], unpack(rest, first, last))
end
return stored
