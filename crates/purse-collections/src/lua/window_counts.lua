-- Returns the counts of the buckets of a window counter that the last milliseconds touch.
-- KEYS[1]  the hash: see window_add.lua
-- ARGV[1]  the width of a bucket, in milliseconds
-- ARGV[2]  the number of buckets of the window
-- ARGV[3]  the number of milliseconds
-- returns  the counts
local scheme = ARGV[1] .. ' ' .. ARGV[2]
local held = redis.call('HGET', KEYS[1], 'scheme')
if held ~= scheme then
    if held or redis.call('HLEN', KEYS[1]) > 0 then
        return redis.error_reply('ERR the key holds no window counter with this window and number of buckets')
    end
    return {}
end
local time = redis.call('TIME')
local width, buckets = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = math.floor(now / width)
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
    local index = tonumber(fields[i])
    -- The clock may be behind that of the last write, which is the present then.
    if index and index * width > now and index <= bucket + buckets then
        now = index * width
    end
end
local first, last = math.floor((now - ARGV[3]) / width), bucket + buckets
local counts = {}
for i = 1, #fields, 2 do
    local index = tonumber(fields[i])
    if index and index >= first and index <= last then
        counts[#counts + 1] = fields[i + 1]
    end
end
return counts
