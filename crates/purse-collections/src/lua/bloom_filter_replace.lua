-- Gives a Bloom filter that was built under another name its own name.
-- KEYS[1]  the filter that was built; absent if it has no elements
-- KEYS[2]  the name that it gets, whose value is removed
-- ARGV[1]  the number of elements that it must have, as 4 bytes
-- returns  1, or an error after which nothing changed
local head = redis.call('GETRANGE', KEYS[1], 28, 31)
if head ~= ARGV[1] and (head ~= '' or ARGV[1] ~= '\0\0\0\0') then
    return redis.error_reply('ERR the server removed the new Bloom filter while it was built')
end
if head == '' then
    redis.call('UNLINK', KEYS[2])
    return 1
end
redis.call('PERSIST', KEYS[1])
redis.call('RENAME', KEYS[1], KEYS[2])
return 1
