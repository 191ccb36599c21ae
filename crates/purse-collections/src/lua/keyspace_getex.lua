-- Returns the value of a key, and sets its time to live, as GETEX does.
-- KEYS[1]  the key
-- ARGV[1]  PX
-- ARGV[2]  the time to live in milliseconds
-- returns  the value, or nil if the key is absent
local value = redis.call('GET', KEYS[1])
if value then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return value
