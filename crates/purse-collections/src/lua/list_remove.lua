-- Removes the element at an index of a list.
-- KEYS[1]  the list
-- ARGV[1]  the index; negative counts from the end
-- ARGV[2]  a text that is no element of the list (a fresh UUID)
-- returns  the element, or nil if the index is outside the list
local element = redis.call('LINDEX', KEYS[1], ARGV[1])
if not element then
    return false
end
local length = redis.call('LLEN', KEYS[1])
local index = tonumber(ARGV[1])
if index < 0 then
    index = index + length
end
-- A full server refuses LSET, unless the script has written before. This writes nothing.
redis.call('LTRIM', KEYS[1], 0, -1)
-- LREM finds its place by value alone, so the place is marked for a moment, and searched from the
-- nearer end. It may be refused to this user although LSET is not: then the mark is taken away again.
redis.call('LSET', KEYS[1], index, ARGV[2])
local removed = redis.pcall('LREM', KEYS[1], index * 2 < length and 1 or -1, ARGV[2])
if type(removed) == 'table' then
    redis.call('LSET', KEYS[1], index, element)
    return removed
end
return element
