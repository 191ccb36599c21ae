-- Sets the time to live of both keys of an LRU map, to the same millisecond.
-- KEYS[1]  the hash
-- KEYS[2]  the sorted set of uses
-- ARGV[1]  the milliseconds
-- returns  1 if there is such a map, else 0
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
redis.call('PEXPIREAT', KEYS[2], at)
return redis.call('PEXPIREAT', KEYS[1], at)
