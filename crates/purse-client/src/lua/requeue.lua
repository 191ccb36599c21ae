-- Puts the element that a receipt holds back to where it was taken from; done again, it does nothing.
-- KEYS[1]  the list or sorted set
-- KEYS[2]  the receipt
-- ARGV[1]  what puts it back: LPUSH, RPUSH or ZADD
-- ARGV[2]  how long a receipt stays, in milliseconds
-- ARGV[3]  1 if a request to take may still be under way, which shall take nothing then
-- returns  1 if it was put back, 0 if the receipt held nothing
local held = redis.call('GET', KEYS[2])
-- After a write that needs no memory, a server that is out of it lets a script finish the rest.
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local put = 0
if held and held ~= '' then
    local space = string.find(held, ' ', 1, true)
    local score, element = string.sub(held, 1, space - 1), string.sub(held, space + 1)
    if ARGV[1] == 'ZADD' then
        redis.call('ZADD', KEYS[1], 'NX', score, element)
    else
        redis.call(ARGV[1], KEYS[1], element)
    end
    put = 1
end
if ARGV[3] == '1' then
    redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
else
    redis.call('UNLINK', KEYS[2])
end
return put
