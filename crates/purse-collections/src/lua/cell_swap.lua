-- Sets a string, which keeps its time to live, and returns its previous value.
-- KEYS[1]  the string
-- ARGV[1]  the new value
-- returns  the old value, or nil if the key was absent
local old = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return old
