-- Removes elements at the back of a list, as RPOP with a count does.
-- KEYS[1]  the list
-- ARGV[1]  how many
-- returns  the elements, the last one first
local count = tonumber(ARGV[1])
if count == 0 then
    return {}
end
local last = redis.call('LRANGE', KEYS[1], -count, -1)
redis.call('LTRIM', KEYS[1], 0, -count - 1)
local popped = {}
for i = 1, #last do
    popped[i] = last[#last + 1 - i]
end
return popped
