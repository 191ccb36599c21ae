-- Removes a key if it has an expected value.
-- KEYS[1]  the key
-- ARGV[1]  the expected value
-- returns  1 if the key is removed, or 0 if it is absent or has another value
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('UNLINK', KEYS[1])
