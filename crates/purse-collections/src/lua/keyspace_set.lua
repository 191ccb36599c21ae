-- Sets a key, perhaps under a condition, and returns its previous value.
-- KEYS[1]   the key
-- ARGV[1]   the value
-- ARGV[2…]  the options of SET
-- returns   {1 if the key is set and 0 if the condition did not hold, the old value or nil}
local old = redis.call('GET', KEYS[1])
local set = redis.call('SET', KEYS[1], unpack(ARGV))
return {set and 1 or 0, old}
