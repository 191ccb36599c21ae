-- Sets a key if it has an expected value.
-- KEYS[1]   the key
-- ARGV[1]   the expected value
-- ARGV[2]   the new value
-- ARGV[3…]  the options of SET
-- returns   1 if the key is set, or 0 if it is absent or has another value
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], unpack(ARGV, 2))
return 1
