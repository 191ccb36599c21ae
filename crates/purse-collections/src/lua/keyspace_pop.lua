-- Removes a key and returns its value.
-- KEYS[1]  the key
-- returns  the value, or nil if the key was absent
local old = redis.call('GET', KEYS[1])
if old then
    redis.call('UNLINK', KEYS[1])
end
return old
