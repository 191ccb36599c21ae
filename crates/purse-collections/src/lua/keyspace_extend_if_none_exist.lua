-- Sets keys with a time to live, unless one of them exists.
-- KEYS      the keys
-- ARGV[1]   the time to live in milliseconds
-- ARGV[2…]  a value for each key
-- returns   1 if the keys are set, or 0 if one of them existed
for i = 1, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 1 then
        return 0
    end
end
for i = 1, #KEYS do
    redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1])
end
return 1
