-- Takes several locks as one: all of them, or none. Complexity: O(n) in the number of keys.
-- KEYS: the locks' keys
-- ARGV[1]: our token
-- ARGV[2]: the ttl, in milliseconds
-- Returns 1 if all were free and are ours now, otherwise 0.
for _, key in ipairs(KEYS) do
    -- GET instead of EXISTS, because users of locks need the right to run GET anyway.
    if get(key) then
        return 0
    end
end
for _, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return 1
