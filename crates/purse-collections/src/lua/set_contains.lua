-- Returns which values are elements of a set, as SMISMEMBER does.
-- KEYS[1]  the set
-- ARGV     the values
-- returns  1 or 0 for each of them
local found = {}
for i = 1, #ARGV do
    found[i] = redis.call('SISMEMBER', KEYS[1], ARGV[i])
end
return found
