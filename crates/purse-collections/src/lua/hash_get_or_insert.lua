-- Sets a field of a hash unless it exists, and returns its value.
-- KEYS[1]  the hash
-- ARGV[1]  the field
-- ARGV[2]  the value for an absent field
-- returns  the value that the field holds now
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then
    return old
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ARGV[2]
