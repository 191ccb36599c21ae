-- Stores the elements that a search finds.
-- KEYS[1]  the destination, whose value is replaced
-- KEYS[2]  the sorted set that is searched
-- ARGV     the options of GEOSEARCHSTORE, at most 12
-- returns  the number of elements
if redis.call('EXISTS', KEYS[2]) == 0 then
    -- Servers before Redis 6.2.7 would leave the destination as it is.
    redis.call('UNLINK', KEYS[1])
    return 0
end
return redis.call('GEOSEARCHSTORE', KEYS[1], KEYS[2], unpack(ARGV))
