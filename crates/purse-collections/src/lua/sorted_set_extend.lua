-- Adds elements to a sorted set, and counts what that changed.
-- KEYS[1]  the sorted set
-- ARGV     the options of ZADD with CH among them, then a score and its element, again and again
-- returns  how many elements are new, and how many have another score
local before = redis.call('ZCARD', KEYS[1])
local changed = redis.call('ZADD', KEYS[1], unpack(ARGV))
local added = redis.call('ZCARD', KEYS[1]) - before
return {added, changed - added}
