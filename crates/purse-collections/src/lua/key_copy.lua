-- Copies a value and its time to live to another key, as COPY does.
-- KEYS[1]  the key
-- KEYS[2]  the other key
-- ARGV[1]  REPLACE to replace what the other key holds, or nothing
-- returns  1 if the value is copied, else 0
local value = redis.call('DUMP', KEYS[1])
if not value or (not ARGV[1] and redis.call('EXISTS', KEYS[2]) == 1) then
    return 0
end
local ttl = redis.call('PTTL', KEYS[1])
if ttl == -1 then
    ttl = 0
elseif ttl < 1 then
    -- Zero would be no time to live.
    ttl = 1
end
redis.call('RESTORE', KEYS[2], ttl, value, unpack(ARGV))
return 1
