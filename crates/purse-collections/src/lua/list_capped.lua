-- Adds elements at the back of a list, and removes the first ones of what is too many.
-- KEYS[1]  the list
-- ARGV[1]  how many elements it may have
-- ARGV[2…] the elements to add, at most 1024
-- returns  the new length
local most = tonumber(ARGV[1])
local length = redis.call('RPUSH', KEYS[1], unpack(ARGV, 2))
if length <= most then
    return length
end
-- It may be refused to this user although RPUSH is not: then the elements are taken away again.
local trimmed = redis.pcall('LTRIM', KEYS[1], length - most, -1)
if trimmed.err then
    for _ = 2, #ARGV do
        redis.call('RPOP', KEYS[1])
    end
    return trimmed
end
return most
