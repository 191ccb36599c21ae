-- Returns whether two sets have no element in common.
-- KEYS[1]  the one
-- KEYS[2]  the other
-- returns  1 if so, else 0
if #redis.call('SINTER', KEYS[1], KEYS[2]) > 0 then
    return 0
end
return 1
