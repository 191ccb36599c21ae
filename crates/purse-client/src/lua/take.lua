-- Takes an element out of a list or sorted set, and keeps a copy in a receipt. Asked again for the
-- same receipt, it answers the same.
-- KEYS[1]  the list or sorted set
-- KEYS[2]  the receipt; without one there is no copy
-- ARGV[1]  what takes it out: LPOP, RPOP, ZPOPMIN or ZPOPMAX
-- ARGV[2]  what puts it back: LPUSH, RPUSH or ZADD
-- ARGV[3]  how long the receipt stays, in milliseconds
-- ARGV[4]  1 if it was asked before, and that may still be under way
-- returns  the score (nothing for a list), a space, and the element; nil if there is none
local held = KEYS[2] and redis.call('GET', KEYS[2])
if held then
    return held ~= '' and held
end
local element, score = redis.call(ARGV[1], KEYS[1]), ''
if type(element) == 'table' then
    element, score = element[1], element[2]
end
if not element then
    if ARGV[4] == '1' then
        -- What is still under way will find this, and take nothing.
        redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
    end
    return false
end
local receipt = (score or '') .. ' ' .. element
if KEYS[2] then
    local kept = redis.pcall('SET', KEYS[2], receipt, 'PX', ARGV[3])
    if kept.err then
        -- A user who may pop and may not write the receipt: as if nothing had been done.
        if ARGV[2] == 'ZADD' then
            redis.call('ZADD', KEYS[1], score, element)
        else
            redis.call(ARGV[2], KEYS[1], element)
        end
        redis.call('SET', KEYS[2], receipt, 'PX', ARGV[3])
    end
end
return receipt
