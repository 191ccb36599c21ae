-- Functions of the scripts of LRU maps, which begin with this text.
-- KEYS[1]  the hash
-- KEYS[2]  the sorted set that has each field of the hash, by the number of its last use

-- Returns the number of the next use, and the field that was used last.
local function next_use(call)
    local last = call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
    return string.format('%.0f', (tonumber(last[2]) or 0) + 1), last[1]
end

-- Makes `field` the one that was used last. It is not worth an error: a full server refuses to write,
-- and so does a replica.
local function refresh(field)
    local use, last = next_use(redis.pcall)
    if last and last ~= field then
        redis.pcall('ZADD', KEYS[2], 'XX', use, field)
    end
end

-- Removes the entries that were not used for the longest time, but not `kept`, until `capacity` are
-- left. Removes 64 at most. Returns their number.
local function evict(capacity, cursor, kept)
    local length = redis.call('HLEN', KEYS[1])
    local over = math.min(length - capacity, 64)
    if over <= 0 then
        return 0
    end
    local fields = {}
    if length > redis.call('ZCARD', KEYS[2]) then
        -- Some entries have no number, because another program wrote them, or the server evicted the
        -- sorted set. They go first; a random cursor finds some of them.
        local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 64)[2]
        for i = 1, #page, 2 do
            if not redis.call('ZSCORE', KEYS[2], page[i]) then
                fields[#fields + 1] = page[i]
            end
        end
    end
    for _, field in ipairs(redis.call('ZRANGE', KEYS[2], 0, 64)) do
        fields[#fields + 1] = field
    end
    local evicted = 0
    for _, field in ipairs(fields) do
        if evicted < over and field ~= kept then
            evicted = evicted + redis.call('HDEL', KEYS[1], field)
            redis.call('ZREM', KEYS[2], field)
        end
    end
    return evicted
end

