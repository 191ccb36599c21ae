-- Sets keys with a time to live.
-- KEYS      the keys
-- ARGV[1]   the time to live in milliseconds
-- ARGV[2…]  a value for each key
-- returns   how many keys are set
for i = 1, #KEYS do
    redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[1])
end
return #KEYS
