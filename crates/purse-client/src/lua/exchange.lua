-- One step of a consumer: forgets elements that were delivered, puts back those that were not, and
-- takes others. Done again with the same number, it changes nothing.
-- KEYS[1]  the list or sorted set
-- KEYS[2]  the pending list of the consumer: what it has taken, the newest first
-- KEYS[3]  the consumers: a hash of id -> end of the lease (ms), a space, number of the last step
-- ARGV[1]  the id of the consumer
-- ARGV[2]  the number of the step
-- ARGV[3]  the length of the lease to begin now, in milliseconds; 0 to keep the current one
-- ARGV[4]  what takes an element: LPOP, RPOP, ZPOPMIN or ZPOPMAX
-- ARGV[5]  what puts it back: LPUSH, RPUSH or ZADD
-- ARGV[6]  how many elements to take at most
-- ARGV[7]  1 to reply with the pending list
-- ARGV[8]  when the collection shall expire if an element that is put back creates it (ms); 0: never
-- ARGV[9]  1 to note the step even if it changes nothing
-- ARGV[10] how many of the following entries were delivered; the rest is put back, in this order
-- ARGV[11] and so on: the entries
-- returns  {status, PTTL of the collection, entries taken, ids whose lease is over, pending list,
--          for each entry to put back: 1 if it was, 0 if it was not pending}
-- status   0 no lease, nothing done; 1 done; 2 was done before; 3 done by a consumer that is new
-- entry    the element of a list; the score, a space and the element of a sorted set
local is_set = ARGV[5] == 'ZADD'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local step, lease = tonumber(ARGV[2]), tonumber(ARGV[3])
local own = redis.call('HGET', KEYS[3], ARGV[1])
local lease_end, last = string.match(own or '', '^(%d+) (%d+)$')
lease_end, last = tonumber(lease_end) or 0, tonumber(last) or 0
if last >= step then
    return {2, -1, {}, {}, redis.call('LRANGE', KEYS[2], 0, -1), {}}
end
if lease == 0 and lease_end <= now then
    return {0, -1, {}, {}, {}, {}}
end

local length = redis.pcall(is_set and 'ZCARD' or 'LLEN', KEYS[1])
local wrong = type(length) == 'table' and length
if wrong and #ARGV == 10 then
    return wrong
end
local many, delivered = tonumber(ARGV[6]), tonumber(ARGV[10])
local lapsed = {}
if lease > 0 then
    lease_end = now + lease
    local all = redis.call('HGETALL', KEYS[3])
    for i = 1, #all, 2 do
        local ends = tonumber(string.match(all[i + 1], '^%d+')) or 0
        if ends <= now and all[i] ~= ARGV[1] then
            lapsed[#lapsed + 1] = all[i]
        end
    end
end

local taken, put, ttl, failure = {}, {}, -1, false
local function is_refused(reply)
    failure = type(reply) == 'table' and reply.err and reply or failure
    return failure
end
local function put_back(entry)
    if is_set then
        local score, element = string.match(entry, '^(%S+) (.*)$')
        return redis.pcall('ZADD', KEYS[1], 'NX', score, element)
    end
    return redis.pcall(ARGV[5], KEYS[1], entry)
end

if #ARGV > 10 or many > 0 and length ~= 0 or ARGV[9] == '1' or lease > 0 and own then
    -- A full server lets a script finish whose first write needs no memory.
    redis.call('PERSIST', KEYS[2])
    redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f %.0f', lease_end, step))
    redis.call('PEXPIRE', KEYS[3], 2592000000)
    for i = 11, 10 + delivered do
        redis.call('LREM', KEYS[2], -1, ARGV[i])
    end
    failure = wrong
    for i = 11 + delivered, failure and 0 or #ARGV do
        put[#put + 1] = redis.call('LREM', KEYS[2], -1, ARGV[i])
        if put[#put] == 1 and is_refused(put_back(ARGV[i])) then
            redis.call('LPUSH', KEYS[2], ARGV[i])
            break
        end
    end
    if length == 0 and #put > 0 and ARGV[8] ~= '0' then
        redis.call('PEXPIREAT', KEYS[1], ARGV[8])
    end
    if many > 0 and not failure then
        ttl = redis.call('PTTL', KEYS[1])
    end
    while #taken < many and not failure do
        local entry = redis.pcall(ARGV[4], KEYS[1])
        if is_refused(entry) then
            break
        end
        if is_set then
            entry = entry[1] and entry[2] .. ' ' .. entry[1]
        end
        if not entry then
            break
        end
        if is_refused(redis.pcall('LPUSH', KEYS[2], entry)) then
            put_back(entry)
        else
            taken[#taken + 1] = entry
        end
    end
end
if failure then
    return failure
end
local pending = ARGV[7] == '1' and redis.call('LRANGE', KEYS[2], 0, -1) or {}
return {own and 1 or 3, ttl, taken, lapsed, pending, put}
