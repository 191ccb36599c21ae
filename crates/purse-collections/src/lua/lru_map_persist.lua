-- Removes the time to live of both keys of an LRU map.
-- KEYS[1]  the hash
-- KEYS[2]  the sorted set of uses
-- returns  1 if the map had one, else 0
redis.call('PERSIST', KEYS[2])
return redis.call('PERSIST', KEYS[1])
