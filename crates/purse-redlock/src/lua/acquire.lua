-- Takes several locks as one: all of them, or none.
-- KEYS: the locks' keys
-- ARGV[1]: our token
-- ARGV[2]: the time they shall last, in milliseconds
-- Returns 1 if all were free and are ours now, 0 if not.
for _, key in ipairs(KEYS) do
    -- EXISTS would do, but GET is what a user of locks may run anyway.
    if get(key) then
        return 0
    end
end
for _, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return 1
