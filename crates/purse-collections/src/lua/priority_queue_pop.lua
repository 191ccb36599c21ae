-- Takes the member with the lowest score out of a sorted set.
-- KEYS[1]  the sorted set
-- returns  the key, the member and its score, as BZPOPMIN does, or nil
local popped = redis.call('ZPOPMIN', KEYS[1])
return popped[1] and {KEYS[1], popped[1], popped[2]}
