-- Inserts an element into a list before the one at an index.
-- KEYS[1]  the list
-- ARGV[1]  the index, -length to length; negative counts from the end
-- ARGV[2]  the element
-- ARGV[3]  a text that is no element of the list (a fresh UUID)
-- returns  the new length, or nil if the index is outside the list
local length = redis.call('LLEN', KEYS[1])
local index = tonumber(ARGV[1])
if index < 0 then
    index = index + length
end
if index < 0 or index > length then
    return false
end
if index == length then
    return redis.call('RPUSH', KEYS[1], ARGV[2])
end
if index == 0 then
    return redis.call('LPUSH', KEYS[1], ARGV[2])
end
-- LINSERT finds its place by value alone, so the place is marked for a moment. It may be refused
-- to this user although LSET is not: then the mark is taken away again.
local pivot = redis.call('LINDEX', KEYS[1], index)
redis.call('LSET', KEYS[1], index, ARGV[3])
local inserted = redis.pcall('LINSERT', KEYS[1], 'BEFORE', ARGV[3], ARGV[2])
if type(inserted) == 'table' then
    redis.call('LSET', KEYS[1], index, pivot)
    return redis.error_reply('ERR LINSERT is refused: ' .. inserted.err)
end
redis.call('LSET', KEYS[1], index + 1, pivot)
return inserted
