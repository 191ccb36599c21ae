-- Sets a value and its version, if the version is the expected one. Asked again with the same receipt,
-- it answers the same.
-- KEYS[1]  the hash: v is the version, d the value
-- KEYS[2]  the receipt: the new version; "conflict"; or nothing, if the run failed
-- ARGV[1]  the expected version; '' if the hash must be absent
-- ARGV[2]  the new value
-- ARGV[3]  how long the receipt stays, in milliseconds
-- ARGV[4]  1 if it was asked before, and that request may still run
-- returns  {1, the new version}, or {0, the version or nil, the value or nil} of a conflict
local answer = redis.call('GET', KEYS[2]) or ''
if answer ~= '' and answer ~= 'conflict' then
    return {1, answer}
end
local old = redis.call('HMGET', KEYS[1], 'v', 'd')
local version = old[1] or ''
if answer == 'conflict' or version ~= ARGV[1] then
    if ARGV[4] == '1' then
        redis.call('SET', KEYS[2], 'conflict', 'PX', ARGV[3])
    end
    return {0, old[1], old[2]}
end
local new
if version == '' and redis.call('HLEN', KEYS[1]) > 0 then
    return redis.error_reply('ERR the key holds a hash that is not a versioned value')
elseif version == '' then
    -- The clock lets versions grow, also if the hash was removed in between.
    local time = redis.call('TIME')
    new = time[1] * 1000000 + time[2]
else
    new = tonumber(version) + 1
end
-- Lua's numbers have 53 bits.
if new >= 2 ^ 53 then
    return redis.error_reply('ERR the version of the value is not below 2^53')
end
new = string.format('%.0f', new)
-- A server that is full, and a user who may not write receipts, are refused here.
redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
redis.call('HSET', KEYS[1], 'v', new, 'd', ARGV[2])
redis.call('SET', KEYS[2], new, 'PX', ARGV[3])
return {1, new}
