-- Returns the length of a list, and a page of it.
-- KEYS[1]  the list
-- ARGV[1]  the index of the first element
-- ARGV[2]  the index of the last one
-- returns  the length of the list, the elements
return {redis.call('LLEN', KEYS[1]), redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])}
