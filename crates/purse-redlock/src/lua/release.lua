-- Deletes those of a lock's keys that are ours. Complexity: O(n) in the number of keys.
-- KEYS: the lock's keys
-- ARGV[1]: our token
-- Returns {ours, ttl, foreign}. ours: 1 if all keys were ours, otherwise 0. ttl: the longest time
-- that another client's key has left, in milliseconds; -1 if one never expires, -2 if no other
-- client holds any. foreign: n if KEYS[n] does not hold a lock, and stays; otherwise 0.
local held, ttl, foreign = 0, -2, 0
for index, key in ipairs(KEYS) do
    local value = get(key)
    if type(value) == 'table' then
        foreign = foreign > 0 and foreign or index
    elseif value == ARGV[1] then
        held = held + redis.call('DEL', key)
    elseif value and ttl ~= -1 then
        local left = redis.call('PTTL', key)
        ttl = left == -1 and -1 or math.max(ttl, left)
    end
end
return {held == #KEYS and 1 or 0, ttl, foreign}
