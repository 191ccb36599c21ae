-- Removes a field of a hash and returns its value.
-- KEYS[1]  the hash
-- ARGV[1]  the field
-- returns  the value, or nil if the field was absent
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old then
    redis.call('HDEL', KEYS[1], ARGV[1])
end
return old
