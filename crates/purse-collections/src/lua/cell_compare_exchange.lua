-- Sets a string, which keeps its time to live, if it has an expected value.
-- KEYS[1]  the string
-- ARGV[1]  the new value
-- ARGV[2]  the expected value; without it, the key must be absent
-- returns  {1 if the string is set and 0 if not, the old value or nil}
local old = redis.call('GET', KEYS[1])
if old ~= (ARGV[2] or false) then
    return {0, old}
end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return {1, old}
