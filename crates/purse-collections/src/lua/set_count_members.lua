-- Counts the elements of a set, and those of them that are among some values.
-- KEYS[1]  the set
-- ARGV     the values, each of them once
-- returns  {the number of elements, the number of values that are elements}
local found = 0
for _, value in ipairs(ARGV) do
    found = found + redis.call('SISMEMBER', KEYS[1], value)
end
return {redis.call('SCARD', KEYS[1]), found}
