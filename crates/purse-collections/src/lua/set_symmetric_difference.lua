-- Returns the elements that are in exactly one of two sets.
-- KEYS[1]  the one
-- KEYS[2]  the other
-- returns  the elements
local elements = redis.call('SDIFF', KEYS[1], KEYS[2])
for _, element in ipairs(redis.call('SDIFF', KEYS[2], KEYS[1])) do
    elements[#elements + 1] = element
end
return elements
