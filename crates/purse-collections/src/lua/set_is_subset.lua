-- Returns whether every element of one set is also in another.
-- KEYS[1]  the one
-- KEYS[2]  the other
-- returns  1 if so, else 0
if redis.call('SCARD', KEYS[1]) > redis.call('SCARD', KEYS[2]) then
    return 0
end
if #redis.call('SDIFF', KEYS[1], KEYS[2]) > 0 then
    return 0
end
return 1
