-- Sets a field of an LRU map and notes its use. If there are too many entries, removes old ones.
-- ARGV[1]  the field
-- ARGV[2]  the value
-- ARGV[3]  the capacity
-- ARGV[4]  a random number, to find entries without a number
-- ARGV[5]  1 if the value of an existing field is kept, else 0
-- returns  the old value; for an absent field nil, or the new value if ARGV[5] is 1
local keeps = ARGV[5] == '1'
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and keeps then
    refresh(ARGV[1])
    return old
end
local use, last = next_use(redis.call)
local length, ttl = redis.call('HLEN', KEYS[1]), redis.call('PTTL', KEYS[1])
if length == 0 and last then
    -- The numbers of entries that another program removed, or the server.
    redis.call('UNLINK', KEYS[2])
end
-- If HSET is refused to this user, a number without an entry is left, which does no harm.
redis.call('ZADD', KEYS[2], use, ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ttl > 0 and not last then
    redis.call('PEXPIRE', KEYS[2], ttl)
end
evict(tonumber(ARGV[3]), ARGV[4], ARGV[1])
return old or (keeps and ARGV[2])
