-- Returns a value of an LRU map and notes its use.
-- ARGV[1]  the field
-- returns  the value, or nil if the field is absent
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value then
    refresh(ARGV[1])
end
return value
