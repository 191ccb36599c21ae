-- Sets a key unless it exists, and returns its value.
-- KEYS[1]   the key
-- ARGV[1]   the value for an absent key
-- ARGV[2…]  the options of SET for an absent key
-- returns   the value that the key holds now
local old = redis.call('GET', KEYS[1])
if old then
    return old
end
redis.call('SET', KEYS[1], unpack(ARGV))
return ARGV[1]
