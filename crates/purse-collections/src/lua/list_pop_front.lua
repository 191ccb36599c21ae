-- Removes elements at the front of a list, as LPOP with a count does.
-- KEYS[1]  the list
-- ARGV[1]  how many
-- returns  the elements, the first one first
local count = tonumber(ARGV[1])
if count == 0 then
    return {}
end
local popped = redis.call('LRANGE', KEYS[1], 0, count - 1)
redis.call('LTRIM', KEYS[1], count, -1)
return popped
