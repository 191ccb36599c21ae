-- Takes or gives back locks of several owners, each on its own; it cannot fail as a whole.
-- KEYS: the locks' keys, of one lock each
-- ARGV: for each of them, the owner's token, and the time in milliseconds that a lock which is to be
-- taken shall last, or 0 for one that is to be given back
-- Returns two numbers for each of them: 1 if it was free and is the owner's now, or if it was the
-- owner's and is deleted, 0 if not, and -1 if nothing was done, as a command failed; and the time in
-- milliseconds that another has left whose lock was to be given back (-1: it has no end), else -2.
local function acquire(key, token, ttl)
    local set = redis.pcall('SET', key, token, 'NX', 'PX', ttl)
    if set and set.err then
        return -1, -2
    end
    return set and 1 or 0, -2
end

local function release(key, token)
    local value = redis.pcall('GET', key)
    if type(value) == 'table' then
        return -1, -2
    end
    if not value then
        return 0, -2
    end
    local did
    if value == token then
        did = redis.pcall('DEL', key)
    else
        did = redis.pcall('PTTL', key)
    end
    if type(did) == 'table' then
        return -1, -2
    end
    if value == token then
        return did, -2
    end
    return 0, did
end

local replies = {}
for index, key in ipairs(KEYS) do
    local token, ttl = ARGV[2 * index - 1], ARGV[2 * index]
    local done, left
    if ttl == '0' then
        done, left = release(key, token)
    else
        done, left = acquire(key, token, ttl)
    end
    replies[2 * index - 1], replies[2 * index] = done, left
end
return replies
