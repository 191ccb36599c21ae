-- One step of a consumer: forgets elements that were delivered, puts back those that were not, and
-- takes others. Done again with the same number, it changes nothing.
-- KEYS[1]  the list or sorted set
-- KEYS[2]  the pending list of the consumer: what it has taken, the newest first
-- KEYS[3]  the consumers: a hash of id -> end of the lease (ms), a space, number of the last step
-- KEYS[4]  of a sorted set: a list whose tokens wake consumers that wait, one each
-- KEYS[5]  of a sorted set: the id of the consumer that watches it for all others
-- ARGV[1]  the id of the consumer
-- ARGV[2]  the number of the step
-- ARGV[3]  the length of the lease to begin now, in milliseconds; 0 to keep the current one
-- ARGV[4]  the end that loses an element: LEFT, RIGHT, MIN or MAX
-- ARGV[5]  how many elements to take at most
-- ARGV[6]  1 to reply with the pending list
-- ARGV[7]  when the collection shall expire if an element that is put back creates it (ms); 0: never
-- ARGV[8]  1 to note the step even if it changes nothing
-- ARGV[9]  how many entries the consumer knows that stay pending. If there are others, takes none:
--          a blocked command or a lost step has taken one before, and it is next.
-- ARGV[10] how long the consumer may watch a sorted set, in milliseconds, if it takes too little;
--          0 if it does not wait
-- ARGV[11] how many of the following entries were delivered; the rest is put back, in this order
-- ARGV[12] and so on: the entries
-- returns  {status, PTTL of the collection, entries taken, ids whose lease is over, pending list,
--          for each entry to put back: 1 done, 0 not pending, -1 refused and still pending;
--          number of the last step before, number of the last step now, error of the server or '';
--          1 if the pending list has not as many entries as the consumer knows; 1 if the consumer
--          watches the sorted set}
-- status   0 no lease, nothing done; 1 done; 2 was done before; 3 done by a consumer that is new
-- entry    the element of a list; the score, a space and the element of a sorted set
-- Complexity: O(p) for each delivered entry and each entry to put back, with p pending entries, and
-- O(1) for each entry taken from a list, O(log n) from a sorted set.
local is_set = ARGV[4] == 'MIN' or ARGV[4] == 'MAX'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local step, lease = tonumber(ARGV[2]), tonumber(ARGV[3])
local own = redis.call('HGET', KEYS[3], ARGV[1])
local lease_end, last = string.match(own or '', '^(%d+) (%d+)$')
lease_end, last = tonumber(lease_end) or 0, tonumber(last) or 0
if last >= step then
    return {2, -1, {}, {}, {}, {}, last, last, '', 0, 0}
end
if lease == 0 and lease_end <= now then
    return {0, -1, {}, {}, {}, {}, last, last, '', 0, 0}
end

local many, delivered = tonumber(ARGV[5]), tonumber(ARGV[11])
local has_returned = #ARGV > 11 + delivered
-- A step that only confirms and takes need not know it.
local length = (has_returned or delivered == 0) and redis.pcall(is_set and 'ZCARD' or 'LLEN', KEYS[1])
local taken, lapsed, put, ttl, failure, differs = {}, {}, {}, -1, '', 0
-- A key of another type, or one that moves to another node while the script runs.
local function is_refused(reply)
    if type(reply) == 'table' and reply.err then
        failure = reply.err
        return true
    end
    return false
end
if is_refused(length) and #ARGV == 11 then
    return length
end
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

-- An entry is in the pending list before it leaves the collection, and leaves the pending list once
-- it is back: a refusal midway loses nothing.
local back = is_set and 'ZADD' or ARGV[4] == 'LEFT' and 'LPUSH' or 'RPUSH'
local function put_back(entry)
    local position = redis.pcall('LPOS', KEYS[2], entry)
    if not position or is_refused(position) then
        return 0
    end
    local reply
    if is_set then
        local score, element = string.match(entry, '^(%S+) (.*)$')
        reply = redis.pcall(back, KEYS[1], 'NX', score, element)
    else
        reply = redis.pcall(back, KEYS[1], entry)
    end
    if is_refused(reply) then
        return -1
    end
    redis.call('LREM', KEYS[2], -1, entry)
    return 1
end
local function move(entry, remove, ...)
    if is_refused(redis.pcall('LPUSH', KEYS[2], entry)) then
        return false
    end
    if is_refused(redis.pcall(remove, KEYS[1], ...)) then
        redis.call('LPOP', KEYS[2])
        return false
    end
    return entry
end
local has_lmove = true
local function take()
    if is_set then
        local range = ARGV[4] == 'MIN' and 'ZRANGE' or 'ZREVRANGE'
        local first = redis.pcall(range, KEYS[1], 0, 0, 'WITHSCORES')
        if is_refused(first) or not first[1] then
            return false
        end
        return move(first[2] .. ' ' .. first[1], 'ZREM', first[1])
    end
    if has_lmove then
        local entry = redis.pcall('LMOVE', KEYS[1], KEYS[2], ARGV[4], 'LEFT')
        if type(entry) ~= 'table' then
            return entry
        end
        -- Redis before 6.2 has no LMOVE.
        has_lmove = not string.find(entry.err, 'nknown')
        if has_lmove then
            is_refused(entry)
            return false
        end
    end
    local entry = redis.pcall('LINDEX', KEYS[1], ARGV[4] == 'LEFT' and 0 or -1)
    if not entry or is_refused(entry) then
        return false
    end
    return move(entry, ARGV[4] == 'LEFT' and 'LPOP' or 'RPOP')
end

local function confirm()
    for i = 12, 11 + delivered do
        -- In a slot that moves, a pending list without entries cannot be read.
        redis.pcall('LREM', KEYS[2], -1, ARGV[i])
    end
end

local noted = last
if #ARGV > 11 or many > 0 and length ~= 0 or ARGV[8] == '1' or lease > 0 and own then
    -- A full server lets a script finish whose first write needs no memory.
    if own and delivered > 0 then
        confirm()
    else
        redis.call('PERSIST', KEYS[2])
    end
    redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f %.0f', lease_end, step))
    if lease > 0 then
        redis.call('PEXPIRE', KEYS[3], 2592000000)
    end
    -- A consumer without the rights to forget, to find and to put back takes nothing. They are tried
    -- on a key of another type.
    local rights = own and {} or {
        {'LREM', KEYS[3], 0, ''}, {'LPOS', KEYS[3], ''}, {'LRANGE', KEYS[3], 0, 0}, {back, KEYS[3], 0, ''},
    }
    for _, try in ipairs(rights) do
        local reply = redis.pcall(unpack(try))
        if not string.find(reply.err, 'WRONGTYPE') then
            redis.call('HDEL', KEYS[3], ARGV[1])
            return reply
        end
    end
    noted = step
    if not own then
        confirm()
    end
    for i = 12 + delivered, #ARGV do
        put[#put + 1] = failure == '' and put_back(ARGV[i]) or -1
    end
    if length == 0 and put[1] and ARGV[7] ~= '0' then
        redis.pcall('PEXPIREAT', KEYS[1], ARGV[7])
    end
end
if many > 0 then
    local known = redis.pcall('LLEN', KEYS[2])
    if type(known) == 'number' and known ~= tonumber(ARGV[9]) then
        many, differs = 0, 1
    end
end
if many > 0 and noted == step and failure == '' then
    local left = redis.pcall('PTTL', KEYS[1])
    ttl = not is_refused(left) and left or -1
    while #taken < many and failure == '' do
        local entry = take()
        if not entry then
            break
        end
        taken[#taken + 1] = entry
    end
end
-- One consumer watches a sorted set. It passes this on when it has enough, and so does one that
-- leaves elements that no consumer watches. On a full server nothing is noted: the others look
-- after four seconds, so no token need live for longer.
local watches = 0
if ARGV[10] ~= '0' then
    local watcher = redis.pcall('GET', KEYS[5])
    local is_free = not watcher or watcher == ARGV[1]
    if #taken < many then
        local set = is_free and redis.pcall('SET', KEYS[5], ARGV[1], 'PX', ARGV[10])
        watches = set and not set.err and 1 or 0
    elseif is_free and (watcher or redis.pcall('ZCARD', KEYS[1]) ~= 0) then
        redis.pcall('DEL', KEYS[5])
        if redis.pcall('LLEN', KEYS[4]) == 0 then
            redis.pcall('LPUSH', KEYS[4], '')
            redis.pcall('PEXPIRE', KEYS[4], 5000)
        end
    end
end
local pending = {}
if ARGV[6] == '1' then
    local listed = redis.pcall('LRANGE', KEYS[2], 0, -1)
    pending = not is_refused(listed) and listed or false
end
return {own and 1 or 3, ttl, taken, lapsed, pending, put, last, noted, failure, differs, watches}
